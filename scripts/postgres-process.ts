import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chown, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LastLines } from './last-lines.js';
import type { PostgresFiles } from './postgres-files.js';
import { stopWithThisProcess } from './stop-with-this-process.js';

export interface PostgresServer {
  readonly port: number;
  readonly died: Promise<string>;
  stop(): Promise<void>;
}

const READY = 'database system is ready to accept connections';
/** Messages in English, so that READY is found, and a byte-wise sort order that is the same everywhere. */
const environment = { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' };
/** A server whose parent was killed is told so at once and needs a moment to close its files. */
const LEFTOVER_PATIENCE_MS = 10_000;

export async function initializeCluster(
  files: PostgresFiles,
  cluster: string,
  admin: string,
  password: string,
): Promise<void> {
  const passwordFile = join(files.home, 'initdb-password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (files.user) await chown(passwordFile, files.user.uid, files.user.gid);
  try {
    const initdb = spawnSync(
      join(files.native, 'bin/initdb'),
      [
        '--pgdata',
        cluster,
        '--username',
        admin,
        '--pwfile',
        passwordFile,
        '--auth',
        'scram-sha-256',
        '--encoding',
        'UTF8',
        '--no-sync',
      ],
      { ...files.user, cwd: files.home, env: environment, encoding: 'utf8' },
    );
    if (initdb.status !== 0) throw new Error(`initdb failed: ${initdb.error?.message ?? initdb.stderr.trim()}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** @throws Error with the server's last words when it does not come up, such as `Address already in use`. */
export async function startServer(
  files: PostgresFiles,
  cluster: string,
  { port, isTemporary }: { port: number; isTemporary: boolean },
): Promise<PostgresServer> {
  await clearLeftover(cluster);
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    // Losing the last moments in a crash is fine for a sandbox, and for tests so is everything.
    synchronous_commit: 'off',
    ...(isTemporary && { fsync: 'off', full_page_writes: 'off' }),
  };
  const postgres = spawn(
    join(files.native, 'bin/postgres'),
    ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    // Detached: Ctrl-C goes to the whole foreground group, and the database has to outlive the gateway.
    { ...files.user, cwd: files.home, env: environment, detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const callOff = stopWithThisProcess(postgres, 'INT', isTemporary ? dirname(cluster) : '');
  const exited = once(postgres, 'exit');
  const log = new LastLines();
  const isReady = new Promise<boolean>((resolve, reject) => {
    postgres.once('error', reject);
    postgres.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      log.add(chunk);
      if (log.includes(READY)) resolve(true);
    });
    postgres.stderr.once('end', () => {
      resolve(false);
    });
  });
  if (!(await isReady)) {
    callOff();
    throw new Error(`PostgreSQL did not start: ${log.toString()}`);
  }

  let isStopping = false;
  return {
    port,
    died: new Promise((resolve) => {
      void exited.then(() => {
        if (!isStopping) resolve(log.toString());
      });
    }),
    async stop() {
      isStopping = true;
      // SIGINT is the fast shutdown: open connections are closed.
      postgres.kill('SIGINT');
      await exited;
      callOff();
    },
  };
}

/** A `postmaster.pid` of a dead server stands in the way when its process id now is somebody else's. */
async function clearLeftover(cluster: string): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  const deadline = Date.now() + LEFTOVER_PATIENCE_MS;
  for (;;) {
    const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0] ?? '');
    if (!pid) return;
    if (!isServerOf(pid, cluster)) {
      await rm(file, { force: true });
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(
        `The database in ${dirname(cluster)} is in use by process ${pid}. Stop what runs there, or set DATA_DIR to another folder.`,
      );
    }
    await sleep(100);
  }
}

function isServerOf(pid: number, cluster: string): boolean {
  return commandLine(pid).includes(cluster);
}

/** Slim images have no `ps`, and macOS has no `/proc`. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    const { stdout, error } = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
    return error ? '' : stdout;
  }
}
