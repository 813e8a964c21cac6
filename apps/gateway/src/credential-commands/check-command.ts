import { parseArgs } from 'node:util';

import { type Clock, SystemClock } from '@app/clock';
import { type Configuration, type CredentialProfileConfiguration, loadConfiguration } from '@app/config';
import { DomainError } from '@app/problems';
import { checkCertificate, SecretGroup, SecretSourceError } from '@app/secrets';
import { Database } from '@app/store';
import { VeeamClient } from '@app/veeam-client';

import { daysUntil } from '../credential-profiles/credential-expiry.js';
import { print } from '../infrastructure/command-line.js';

interface Row {
  readonly credential: string;
  readonly kind: string;
  readonly isUsable: boolean;
  readonly detail: string;
}

/** What came of one credential, in words for the last column. @throws whatever speaks against it */
type Attempt = () => Promise<string>;

/** Opens every secret there is and tries each. @throws ConfigurationError when one cannot even be read */
export async function checkCommand(args: string[]): Promise<number> {
  parseArgs({ args });
  const configuration = await loadConfiguration();
  const clock = new SystemClock();
  const rows = [
    await tried('DATABASE_URL', 'database', () => databaseDetail(configuration)),
    await tried('VEEAM_USERNAME, VEEAM_PASSWORD', 'login', () => loginDetail(configuration, clock)),
  ];
  for (const profile of configuration.credentialProfiles) {
    rows.push(await tried(`credential profile ${profile.name}`, profile.kind, () => profileDetail(profile, clock)));
  }
  printTable(rows);
  return rows.every(({ isUsable }) => isUsable) ? 0 : 1;
}

async function tried(credential: string, kind: string, attempt: Attempt): Promise<Row> {
  try {
    return { credential, kind, isUsable: true, detail: await attempt() };
  } catch (error) {
    if (!(error instanceof SecretSourceError || error instanceof DomainError)) throw error;
    return { credential, kind, isUsable: false, detail: error.message };
  }
}

async function databaseDetail({ database: options }: Configuration): Promise<string> {
  const database = new Database(options);
  try {
    await database.ping();
    return 'logged in';
  } finally {
    await database.close();
  }
}

async function loginDetail({ upstream, secrets }: Configuration, clock: Clock): Promise<string> {
  const login = new SecretGroup({ username: upstream.username, password: upstream.password });
  const client = new VeeamClient({ ...upstream, login, secrets, clock });
  try {
    return `logged in, API ${(await client.checkHealth()).apiVersion}`;
  } finally {
    await client.close();
  }
}

/** Whether Microsoft 365 takes a password or certificate, only a restore tells. */
async function profileDetail(profile: CredentialProfileConfiguration, clock: Clock): Promise<string> {
  if (profile.kind === 'user') return `read, for ${profile.userName}`;
  const { certificate, certificatePassword } = profile;
  const facts = await checkCertificate(certificate.current, certificatePassword.current, clock);
  const days = daysUntil(facts.notAfter, clock);
  return `${facts.subject}, ${facts.thumbprint}, expires ${facts.notAfter.toISOString()} (in ${days} days)`;
}

function printTable(rows: readonly Row[]): void {
  const lines = [
    ['credential', 'kind', 'state', 'detail'],
    ...rows.map(({ credential, kind, isUsable, detail }) => [credential, kind, isUsable ? 'ok' : 'BROKEN', detail]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) print(line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}
