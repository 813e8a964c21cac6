// Builds `dist` unless it already is what the sources say. `npm start` and `npm test` both begin with it and may run
// at the same time: one builds, the other waits, and running programs keep the old `dist` until the new one is whole.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 20))
  fail(`Node.js 20.20 or newer is needed; this is ${process.versions.node}.`);

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = [
  'apps',
  'libs',
  'scripts',
  'nest-cli.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const dist = join(root, 'dist');
const stamp = join(dist, '.built-from');
const workshop = join(root, '.sandbox/build');
const lock = join(workshop, 'lock');
/** Beside `dist`, or the source maps would point a folder too high or too low. */
const fresh = join(root, '.build');
/** A build takes seconds; a lock older than this was left by a process whose id is now somebody else's. */
const LOCK_MAX_AGE_MS = 5 * 60_000;

if (readStamp() !== fingerprint()) {
  await takeLock();
  try {
    // Whoever held the lock may have built just that.
    const wanted = fingerprint();
    if (readStamp() !== wanted) build(wanted);
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Path, size and time of every source: a checkout of older files differs as well as a newer edit. */
function fingerprint() {
  const hash = createHash('sha256').update(process.version);
  for (const source of sources) addTo(hash, join(root, source));
  return hash.digest('hex');
}

function addTo(hash, path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    for (const entry of readdirSync(path).sort()) addTo(hash, join(path, entry));
  } else if (stats && !path.endsWith('.spec.ts')) {
    hash.update(`${relative(root, path)}\0${stats.size}\0${stats.mtimeMs}\n`);
  }
}

function readStamp() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined;
}

async function takeLock() {
  mkdirSync(workshop, { recursive: true });
  for (let isTold = false; ; await sleep(100)) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned()) {
      rmSync(lock, { force: true });
    } else if (!isTold) {
      console.error('Waiting for another build in this folder.');
      isTold = true;
    }
  }
}

function isAbandoned() {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LOCK_MAX_AGE_MS) return true;
    const pid = Number(readFileSync(lock, 'utf8'));
    // Empty for the instant between its creation and its first byte.
    if (pid) process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function build(wanted) {
  console.error('Building what has changed.');
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  if (!existsSync(nest)) giveUp('The packages are not installed: run npm ci first.');

  const config = { extends: '../../tsconfig.build.json', compilerOptions: { outDir: '../../.build' } };
  writeFileSync(join(workshop, 'tsconfig.json'), JSON.stringify(config));
  rmSync(fresh, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [nest, 'build', '--path', '.sandbox/build/tsconfig.json'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    giveUp('The build failed.');
  }

  writeFileSync(join(fresh, '.built-from'), wanted);
  const old = join(workshop, 'old');
  rmSync(old, { recursive: true, force: true });
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

function giveUp(message) {
  rmSync(lock, { force: true });
  fail(message);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
