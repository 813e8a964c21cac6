import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ApiVersion } from '@app/config';

import { startVeeamSandbox, type VeeamSandbox, type VeeamSandboxOptions } from '../../apps/veeam-sandbox/src/index.js';
import { changedSettings, type YamlSettings } from './settings.js';
import { type Neighbours, startNeighbours, watchDepartures } from './world.js';
import { watchBackupServer } from './world-canary.js';

type Organizations = NonNullable<VeeamSandboxOptions['organizations']>;

/** The neighbours of a gateway with a second backup server beside the first: `emea` and `apac` in its configuration. */
export interface ServerPair extends Neighbours {
  readonly emea: VeeamSandbox;
  readonly apac: VeeamSandbox;
}

/** @param has the organizations of each */
export async function startServerPair(has: { emea: Organizations; apac: Organizations }): Promise<ServerPair> {
  const neighbours = await startNeighbours({ organizations: has.emea });
  const dataDir = await mkdtemp(join(tmpdir(), 'restore-gateway-'));
  const apac = await startVeeamSandbox({ dataDir, organizations: has.apac, username: 'APAC\\veeam-admin' });
  watchBackupServer(neighbours.canary, apac);
  const expectNoDeparture = watchDepartures(apac);
  return {
    ...neighbours,
    emea: neighbours.veeam,
    apac,
    close: async () => {
      await apac.close();
      await neighbours.close();
      await rm(dataDir, { recursive: true, force: true });
      expectNoDeparture();
    },
  };
}

/** A server as the YAML names it. */
export function serverSettings(name: string, server: VeeamSandbox, apiVersion: ApiVersion | 'auto') {
  return {
    name,
    url: server.url,
    apiVersion,
    certFingerprint: server.fingerprint,
    username: { env: `${name.toUpperCase()}_ACCOUNT` },
    password: { file: server.secretFiles.password },
    limits: {},
  };
}

/** The environment of a gateway in front of these servers; the credentials of each organization are those of its own server. */
export async function environmentOf(
  pair: ServerPair,
  backupServers: readonly Readonly<Record<string, unknown>>[],
  change: (settings: YamlSettings) => Partial<YamlSettings> = () => ({}),
): Promise<Record<string, string>> {
  const { apac } = pair;
  const settings = await changedSettings(pair, (original) => ({
    backupServers,
    roleBindings: original.roleBindings.map((binding) => ({
      ...binding,
      organizations: ['contoso.onmicrosoft.com', 'fabrikam.onmicrosoft.com'],
    })),
    credentialProfiles: (original.credentialProfiles ?? []).map((profile) =>
      profile.name === 'fabrikam'
        ? {
            ...profile,
            applicationId: apac.applicationId,
            certificate: { file: apac.certificateFile },
            certificatePassword: { file: apac.secretFiles.certificatePassword },
          }
        : profile,
    ),
    ...change(original),
  }));
  const ofTheOnlyServer = ['VEEAM_URL', 'VEEAM_API_VERSION', 'VEEAM_CA_FILE', 'VEEAM_USERNAME', 'VEEAM_PASSWORD_FILE'];
  return {
    ...settings,
    ...Object.fromEntries(ofTheOnlyServer.map((name) => [name, ''])),
    EMEA_ACCOUNT: pair.emea.username,
    APAC_ACCOUNT: apac.username,
  };
}
