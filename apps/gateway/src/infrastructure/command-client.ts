import { SystemClock } from '@app/clock';
import type { BackupServerConfiguration, Configuration } from '@app/config';
import { type Database, UpstreamServersRepository } from '@app/store';
import { VeeamClient } from '@app/veeam-client';

import { clientOptions } from './client-options.js';

/**
 * The client of a command: under `auto` it speaks the version that the gateway has found, and keeps none that it finds itself, since
 * which one is used is for the gateway to choose.
 *
 * @param unknown what to go by where the database does not tell; its error is thrown when absent
 */
export function commandClient(
  server: BackupServerConfiguration,
  { secrets }: Pick<Configuration, 'secrets'>,
  database: Database,
  unknown: (error: unknown) => undefined = rethrow,
): VeeamClient {
  const versions = new UpstreamServersRepository(database);
  return new VeeamClient({
    ...clientOptions(server, secrets, new SystemClock()),
    versionMemory: {
      recall: () => versions.findApiVersion(server).catch(unknown),
      keep: () => Promise.resolve(),
    },
  });
}

function rethrow(error: unknown): never {
  throw error;
}
