import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Stands for the Nest CLI: "compiles" the sources' text into one file, and notes that it ran. */
const fakeNest = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const config = process.argv[process.argv.indexOf('--path') + 1];
const out = join(config, '..', JSON.parse(readFileSync(config, 'utf8')).compilerOptions.outDir);
const source = readFileSync('apps/gateway/src/main.ts', 'utf8');
appendFileSync('builds.log', 'built\\n');
await new Promise((resolve) => setTimeout(resolve, 300));
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'main.js'), source);
if (source.includes('type error')) process.exit(1);
`;

let root: string;
const inRoot = (path: string) => join(root, path);

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(inRoot(path)), { recursive: true });
  await writeFile(inRoot(path), text);
}

function buildIfStale(): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [inRoot('scripts/build-if-stale.mjs')], { cwd: tmpdir() }, (error, _stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stderr });
    });
  });
}

const builds = async () =>
  existsSync(inRoot('builds.log')) ? (await readFile(inRoot('builds.log'), 'utf8')).trim().split('\n').length : 0;
const built = () => readFile(inRoot('dist/main.js'), 'utf8');

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'build-if-stale-'));
  await put('node_modules/@nestjs/cli/package.json', '{"type":"module"}');
  await put('node_modules/@nestjs/cli/bin/nest.js', fakeNest);
  await put('apps/gateway/src/main.ts', 'first');
  await put('libs/clock/src/index.ts', '');
  await mkdir(inRoot('scripts'));
  await copyFile(join(__dirname, 'build-if-stale.mjs'), inRoot('scripts/build-if-stale.mjs'));
});
afterEach(() => rm(root, { recursive: true }));

it('builds once, and not again while nothing changes', async () => {
  expect((await buildIfStale()).code).toBe(0);
  expect((await buildIfStale()).stderr).toBe('');
  expect(await builds()).toBe(1);
  expect(await built()).toBe('first');
});

it('builds again when a source changed, came or went', async () => {
  await buildIfStale();
  await put('apps/gateway/src/main.ts', 'second');
  await buildIfStale();
  expect(await built()).toBe('second');
  await put('libs/clock/src/clock.ts', '');
  await buildIfStale();
  await rm(inRoot('libs/clock/src/clock.ts'));
  await buildIfStale();
  expect(await builds()).toBe(4);
});

it('builds again for an older file of the same size, as a checkout brings', async () => {
  await buildIfStale();
  await put('apps/gateway/src/main.ts', 'older');
  await utimes(inRoot('apps/gateway/src/main.ts'), new Date(0), new Date(0));
  await buildIfStale();
  expect(await built()).toBe('older');
});

it('does not build for a changed spec', async () => {
  await buildIfStale();
  await put('libs/clock/src/clock.spec.ts', 'it works');
  await buildIfStale();
  expect(await builds()).toBe(1);
});

it('builds once when two start at the same time', async () => {
  const both = await Promise.all([buildIfStale(), buildIfStale()]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(await builds()).toBe(1);
});

it('keeps the last good build when a build fails, and tries again', async () => {
  await buildIfStale();
  await put('apps/gateway/src/main.ts', 'type error');
  const failure = { code: 1, stderr: expect.stringContaining('The build failed.') };
  expect(await buildIfStale()).toEqual(failure);
  expect(await buildIfStale()).toEqual(failure);
  expect(await built()).toBe('first');
  expect(await builds()).toBe(3);
  expect((await readdir(root)).sort()).toEqual([
    '.sandbox',
    'apps',
    'builds.log',
    'dist',
    'libs',
    'node_modules',
    'scripts',
  ]);
});

it('takes over the lock of a build that was killed', async () => {
  await put('.sandbox/build/lock', '999999999');
  expect((await buildIfStale()).code).toBe(0);
  expect(existsSync(inRoot('.sandbox/build/lock'))).toBe(false);
});

it('asks for npm ci when the packages are missing', async () => {
  await rm(inRoot('node_modules'), { recursive: true });
  expect((await buildIfStale()).stderr).toContain('run npm ci first');
});
