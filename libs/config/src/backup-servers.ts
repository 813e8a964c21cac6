import { resolve } from 'node:path';
import type { BackupServerConfiguration, UpstreamTrust } from './configuration.js';
import type { EnvironmentVariables, RawEnvironment } from './environment.js';
import type { Faults } from './faults.js';
import type { NamedFiles } from './files.js';
import type { SecretLoader } from './secret-loader.js';
import type { BackupServerSettings } from './settings.js';
import { variablesOf, withoutTrailingSlash } from './validation.js';

/** What the only server is called that the variables name. */
const ONLY_SERVER = 'default';

/** What the variables say of it. */
const OWN_VARIABLES = [
  'VEEAM_URL',
  'VEEAM_API_VERSION',
  'VEEAM_CA_FILE',
  'VEEAM_CERT_FINGERPRINT',
  'VEEAM_DANGEROUSLY_SKIP_TLS',
  ...['VEEAM_USERNAME', 'VEEAM_PASSWORD'].flatMap((name) => [name, `${name}_FILE`]),
];

const NO_LIMITS = { operations: undefined, downloads: undefined, restoreSessions: undefined };

/**
 * The one server of the variables; none, and what is wrong among the faults, when its login cannot be had.
 * @param mayBeElsewhere the YAML cannot be read, which is told, and may name servers
 */
export async function backupServerOfEnvironment(
  mayBeElsewhere: boolean,
  variables: EnvironmentVariables,
  raw: RawEnvironment,
  loader: SecretLoader,
  files: NamedFiles,
  faults: Faults,
): Promise<BackupServerConfiguration[]> {
  if (mayBeElsewhere && givenOf(raw).length === 0) return [];
  const url = variables.VEEAM_URL;
  if (url === undefined) faults.add('VEEAM_URL', 'is required unless the YAML names backupServers');
  const username = await loader.fromEnvironment('VEEAM_USERNAME');
  const password = await loader.fromEnvironment('VEEAM_PASSWORD');
  const caFile = await files.certificateOf(raw, 'VEEAM_CA_FILE');
  if (url === undefined || !username || !password) return [];
  return [
    {
      name: ONLY_SERVER,
      url: withoutTrailingSlash(url),
      apiVersion: variables.VEEAM_API_VERSION,
      trust: variables.VEEAM_DANGEROUSLY_SKIP_TLS
        ? { kind: 'dangerously-skip' }
        : trustOf(caFile, variables.VEEAM_CERT_FINGERPRINT),
      username,
      password,
      organizations: undefined,
      limits: NO_LIMITS,
    },
  ];
}

/** Those of the YAML, but for any whose login cannot be had, which is among the faults. `folder` is where relative paths start. */
export async function openBackupServers(
  servers: readonly BackupServerSettings[],
  folder: string,
  raw: RawEnvironment,
  loader: SecretLoader,
  files: NamedFiles,
  faults: Faults,
): Promise<BackupServerConfiguration[]> {
  const referenced = backupServerVariables(servers);
  for (const name of givenOf(raw).filter((given) => !referenced.includes(given))) {
    faults.add(name, 'goes without backupServers in the YAML, where each server has its own');
  }
  const opening = servers.map((server, index) => openServer(server, `backupServers[${index}]`, folder, loader, files));
  return (await Promise.all(opening)).filter((server) => server !== undefined);
}

/** The variables that logins come from. */
export function backupServerVariables(servers: readonly BackupServerSettings[]): string[] {
  return variablesOf(servers.flatMap(({ username, password }) => [username, password]));
}

async function openServer(
  settings: BackupServerSettings,
  key: string,
  folder: string,
  loader: SecretLoader,
  files: NamedFiles,
): Promise<BackupServerConfiguration | undefined> {
  const { name, url, apiVersion, caFile, certFingerprint, organizations, limits } = settings;
  const username = await loader.fromReference(`${key}.username`, settings.username, folder);
  const password = await loader.fromReference(`${key}.password`, settings.password, folder);
  const ca = caFile === undefined ? undefined : await files.certificate(resolve(folder, caFile), `${key}.caFile`);
  if (!username || !password) return undefined;
  return {
    name,
    url: withoutTrailingSlash(url),
    apiVersion,
    trust: trustOf(ca, certFingerprint),
    username,
    password,
    organizations,
    limits: {
      operations: limits.operations,
      downloads: limits.downloads,
      restoreSessions: limits.restoreSessions,
    },
  };
}

function givenOf(raw: RawEnvironment): string[] {
  return OWN_VARIABLES.filter((name) => raw[name] !== undefined);
}

function trustOf(caFile: string | undefined, fingerprint: string | undefined): UpstreamTrust {
  if (caFile !== undefined) return { kind: 'ca', caFile };
  if (fingerprint === undefined) return { kind: 'system' };
  return { kind: 'fingerprint', sha256: fingerprint.replaceAll(':', '').toLowerCase() };
}
