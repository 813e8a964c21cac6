import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSsoSandbox, type SsoSandbox } from '../apps/sso-sandbox/src/index.js';

let root: string;
let sso: SsoSandbox;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'token-'));
  await mkdir(join(root, 'scripts'));
  await mkdir(join(root, '.sandbox'));
  await copyFile(join(__dirname, 'token.mjs'), join(root, 'scripts/token.mjs'));
  sso = await startSsoSandbox();
  await writeFile(join(root, '.sandbox/ready.json'), JSON.stringify({ issuer: sso.issuer }));
});
afterEach(async () => {
  await sso.close();
  await rm(root, { recursive: true });
});

const token = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [join(root, 'scripts/token.mjs'), ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });

it('prints an access token and nothing else', async () => {
  const { code, stdout, stderr } = await token('alice');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
});

it.each([['eve'], []])('names the people there are when asked for %s', async (...args: string[]) => {
  const { code, stdout, stderr } = await token(...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^[^\n]*There are: alice, [^\n]*helpdesk-app\.\n$/);
});

it('says in one line that nothing runs', async () => {
  const nothing = { code: 1, stdout: '', stderr: expect.stringMatching(/^Nothing runs here[^\n]*\n$/) };
  await sso.close();
  expect(await token('alice')).toEqual(nothing);
  await rm(join(root, '.sandbox/ready.json'));
  expect(await token('alice')).toEqual(nothing);
  sso = await startSsoSandbox();
});
