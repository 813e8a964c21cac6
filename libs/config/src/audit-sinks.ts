import { resolve } from 'node:path';

import type { AuditSinkConfiguration } from './configuration.js';
import type { NamedFiles } from './files.js';
import type { AuditSettings } from './settings.js';

/** @param folder that relative paths start from */
export async function openSink(
  settings: AuditSettings['sinks'][number],
  key: string,
  folder: string,
  files: NamedFiles,
): Promise<AuditSinkConfiguration> {
  const { kind, name } = settings;
  switch (kind) {
    case 'file':
      return { kind, name, path: await files.toBe(resolve(folder, settings.path), `${key}.path`) };
    case 'syslog': {
      const { host, port, transport } = settings;
      const caFile =
        settings.caFile === undefined
          ? undefined
          : await files.certificate(resolve(folder, settings.caFile), `${key}.caFile`);
      return { kind, name, host, port, transport, caFile };
    }
  }
}
