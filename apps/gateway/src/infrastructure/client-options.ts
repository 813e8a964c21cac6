import type { Clock } from '@app/clock';
import type { BackupServerConfiguration, Configuration } from '@app/config';
import { SecretGroup } from '@app/secrets';
import type { VeeamClientOptions } from '@app/veeam-client';

/** How a backup server is spoken to, by the gateway and by its commands. */
export function clientOptions(
  { url, apiVersion, trust, username, password }: Omit<BackupServerConfiguration, 'name' | 'organizations'>,
  secrets: Configuration['secrets'],
  clock: Clock,
): VeeamClientOptions {
  return { url, apiVersion, trust, login: new SecretGroup({ username, password }), secrets, clock };
}
