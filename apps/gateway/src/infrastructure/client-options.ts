import type { Clock } from '@app/clock';
import type { BackupServerConfiguration, Configuration } from '@app/config';
import { SecretGroup } from '@app/secrets';
import type { UpstreamServersRepository } from '@app/store';
import type { VeeamClientOptions } from '@app/veeam-client';

/** How a backup server is spoken to: by the gateway, which keeps the API version that it finds, and by its commands. */
export function clientOptions(
  { url, apiVersion, trust, username, password }: Omit<BackupServerConfiguration, 'name' | 'organizations'>,
  secrets: Configuration['secrets'],
  clock: Clock,
  versions: UpstreamServersRepository,
): VeeamClientOptions & Required<Pick<VeeamClientOptions, 'versionMemory'>> {
  return {
    url,
    apiVersion,
    trust,
    login: new SecretGroup({ username, password }),
    secrets,
    clock,
    versionMemory: {
      recall: () => versions.findApiVersion(url),
      keep: (version) => versions.keepApiVersion(url, version, new Date(clock.now())),
    },
  };
}
