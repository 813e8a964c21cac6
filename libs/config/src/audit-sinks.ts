import { resolve } from 'node:path';

import type { AuditSinkConfiguration } from './configuration.js';
import type { Faults } from './faults.js';
import { certificateAt, fileToBe } from './files.js';
import type { AuditSettings } from './settings.js';

/** @param folder that relative paths start from */
export async function openSink(
  settings: AuditSettings['sinks'][number],
  key: string,
  folder: string,
  faults: Faults,
): Promise<AuditSinkConfiguration> {
  const { kind, name } = settings;
  switch (kind) {
    case 'file':
      return { kind, name, path: await fileToBe(resolve(folder, settings.path), `${key}.path`, faults) };
    case 'syslog': {
      const { host, port, transport } = settings;
      const caFile =
        settings.caFile === undefined
          ? undefined
          : await certificateAt(resolve(folder, settings.caFile), `${key}.caFile`, faults);
      return { kind, name, host, port, transport, caFile };
    }
  }
}
