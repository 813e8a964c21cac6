import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.js';
import { initializeCluster, startServer, type PostgresServer } from './postgres-process.js';
import { preparePostgres } from './postgres-files.js';

export interface EmbeddedDatabase {
  /** Login of the role that owns `restore_gateway` and migrates it. */
  readonly ownerUrl: string;
  /** Login of the lesser role the service runs with. */
  readonly serviceUrl: string;
  /** Login of the superuser, for creating further databases in tests. */
  readonly adminUrl: string;
  readonly port: number;
  /** Where the data really lies: the folder asked for, unless the server's user could not reach it. */
  readonly dataDir: string;
  /** Resolves with the last log lines should the server end by itself. */
  readonly died: Promise<string>;
  stop(): Promise<void>;
}

export interface EmbeddedDatabaseOptions {
  /** Kept and used again by the next start. Without it the data lies in a temporary folder, unsynced, and goes with `stop()`. */
  readonly dataDir?: string;
  /** Default: a free one. */
  readonly port?: number;
}

interface Passwords {
  readonly admin: string;
  readonly owner: string;
  readonly service: string;
}

export const DATABASE_NAME = 'restore_gateway';
const ADMIN = 'postgres';
const OWNER = 'restore_gateway_owner';
const SERVICE = 'restore_gateway_service';
/** Somebody else may take a free port between its choice and its use. */
const PORT_ATTEMPTS = 5;

/**
 * Starts a real PostgreSQL from npm on loopback. It ends with this process, however this process ends.
 * Works as root too: the server then runs as the user `postgres` or, where there is none, `nobody`.
 */
export async function startEmbeddedDatabase(options: EmbeddedDatabaseOptions = {}): Promise<EmbeddedDatabase> {
  const isTemporary = options.dataDir === undefined;
  const files = await preparePostgres(options.dataDir);
  const cluster = join(files.home, 'cluster');
  try {
    const passwords = await loadPasswords(join(files.home, 'passwords.json'), cluster);
    if (!existsSync(join(cluster, 'PG_VERSION'))) await initializeCluster(files, cluster, ADMIN, passwords.admin);
    const server = await startOnFreePort((port) => startServer(files, cluster, { port, isTemporary }), options.port);
    const url = (user: string, password: string, database = DATABASE_NAME) =>
      `postgresql://${user}:${password}@127.0.0.1:${server.port}/${database}`;

    await createRolesAndDatabase(url(ADMIN, passwords.admin, 'postgres'), passwords);
    return {
      ownerUrl: url(OWNER, passwords.owner),
      serviceUrl: url(SERVICE, passwords.service),
      adminUrl: url(ADMIN, passwords.admin, 'postgres'),
      port: server.port,
      dataDir: files.home,
      died: server.died,
      async stop() {
        await server.stop();
        if (isTemporary) await rm(files.home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    if (isTemporary) await rm(files.home, { recursive: true, force: true });
    throw error;
  }
}

async function startOnFreePort(start: (port: number) => Promise<PostgresServer>, fixedPort?: number) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(fixedPort ?? (await freePort()));
    } catch (error) {
      const isTaken = error instanceof Error && error.message.includes('Address already in use');
      if (!isTaken || fixedPort !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** Random for each data folder and kept in it. A folder whose first start did not get as far as a cluster starts over. */
async function loadPasswords(file: string, cluster: string): Promise<Passwords> {
  if (existsSync(file) && existsSync(join(cluster, 'PG_VERSION'))) {
    return JSON.parse(await readFile(file, 'utf8')) as Passwords;
  }
  await rm(cluster, { recursive: true, force: true });
  const random = () => randomBytes(24).toString('hex');
  const passwords: Passwords = { admin: random(), owner: random(), service: random() };
  await writeFile(`${file}.new`, JSON.stringify(passwords), { mode: 0o600 });
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
  return passwords;
}

async function createRolesAndDatabase(adminUrl: string, passwords: Passwords): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    for (const [role, password] of [
      [OWNER, passwords.owner],
      [SERVICE, passwords.service],
    ] as const) {
      const { rowCount } = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [role]);
      if (rowCount === 0) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD ${admin.escapeLiteral(password)}`);
    }
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE_NAME]);
    if (rowCount === 0) await admin.query(`CREATE DATABASE ${DATABASE_NAME} OWNER ${OWNER}`);
  } finally {
    await admin.end();
  }
}
