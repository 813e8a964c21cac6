import { parseArgs } from 'node:util';

import { type Clock, SystemClock } from '@app/clock';
import {
  type BackupServerConfiguration,
  type Configuration,
  type CredentialProfileConfiguration,
  loadConfiguration,
} from '@app/config';
import { DomainError } from '@app/problems';
import { checkCertificate, SecretSourceError } from '@app/secrets';
import { Database } from '@app/store';

import { daysUntil } from '../credential-profiles/credential-expiry.js';
import { commandClient } from '../infrastructure/command-client.js';
import { print } from '../infrastructure/command-line.js';

interface Finding {
  /** With a warning: it is used, and somebody should know what speaks against it. */
  readonly state: 'ok' | 'warning' | 'BROKEN';
  /** In words, for the last column. */
  readonly detail: string;
}

interface Row extends Finding {
  readonly credential: string;
  readonly kind: string;
}

/** What came of one credential. @throws whatever keeps it from being used */
type Attempt = () => Promise<Finding>;

const ok = (detail: string): Finding => ({ state: 'ok', detail });

/** Opens every secret there is and tries each. @throws ConfigurationError when one cannot even be read */
export async function checkCommand(args: string[]): Promise<number> {
  parseArgs({ args });
  const configuration = await loadConfiguration();
  const clock = new SystemClock();
  const rows = await withDatabase(configuration, async (database) => {
    const tries = [await tried('DATABASE_URL', 'database', () => databaseDetail(database))];
    for (const server of configuration.backupServers) {
      tries.push(
        await tried(`backup server ${server.name}`, 'login', () => loginDetail(server, configuration, database)),
      );
    }
    return tries;
  });
  for (const profile of configuration.credentialProfiles) {
    rows.push(await tried(`credential profile ${profile.name}`, profile.kind, () => profileDetail(profile, clock)));
  }
  printTable(rows);
  return rows.every(({ state }) => state !== 'BROKEN') ? 0 : 1;
}

async function tried(credential: string, kind: string, attempt: Attempt): Promise<Row> {
  try {
    return { credential, kind, ...(await attempt()) };
  } catch (error) {
    if (!(error instanceof SecretSourceError || error instanceof DomainError)) throw error;
    return { credential, kind, state: 'BROKEN', detail: error.message };
  }
}

async function withDatabase<T>(
  { database: options }: Configuration,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = new Database(options);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function databaseDetail(database: Database): Promise<Finding> {
  await database.ping();
  return ok('logged in');
}

/** A database that fails has a row of its own, and is no fault of a login. */
async function loginDetail(
  server: BackupServerConfiguration,
  configuration: Configuration,
  database: Database,
): Promise<Finding> {
  let doubt = '';
  const client = commandClient(server, configuration, database, (error) => {
    if (!(error instanceof DomainError)) throw error;
    doubt = '; which one the gateway uses could not be read';
    return undefined;
  });
  try {
    const { apiVersion } = await client.checkHealth();
    return ok(`logged in, API ${apiVersion}${doubt}`);
  } finally {
    await client.close();
  }
}

/** Whether Microsoft 365 takes a password or certificate, only a restore tells. */
async function profileDetail(profile: CredentialProfileConfiguration, clock: Clock): Promise<Finding> {
  if (profile.kind === 'user') return ok(`read, for ${profile.userName}`);
  const { certificate, certificatePassword } = profile;
  const facts = await checkCertificate(certificate.current, certificatePassword.current, clock);
  const days = daysUntil(facts.notAfter, clock);
  const detail = `${facts.subject}, ${facts.thumbprint}, expires ${facts.notAfter.toISOString()} (in ${days} days)`;
  if (facts.hasMac) return ok(detail);
  return { state: 'warning', detail: `${detail}; the file has no MAC: nothing tells whether it was changed` };
}

function printTable(rows: readonly Row[]): void {
  const lines = [
    ['credential', 'kind', 'state', 'detail'],
    ...rows.map(({ credential, kind, state, detail }) => [credential, kind, state, detail]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) print(line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}
