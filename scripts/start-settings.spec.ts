import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readStartSettings } from './start-settings.js';

const anyPorts = { GATEWAY_PORT: '0', SSO_SANDBOX_PORT: '0', VEEAM_SANDBOX_PORT: '0' };
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'start-settings-'));
});
afterEach(() => rm(root, { recursive: true }));

it('keeps everything in .sandbox unless told otherwise', async () => {
  const settings = await readStartSettings(root, anyPorts);
  expect(settings).toMatchObject({
    sandboxDir: join(root, '.sandbox'),
    dataDir: join(root, '.sandbox/database'),
    filesDir: undefined,
    apiVersion: 'v5',
  });
  expect(new Set([settings.gatewayPort, settings.ssoPort, settings.veeamPort, settings.managementPort])).not.toContain(
    0,
  );
});

it('takes folders relative to the project', async () => {
  const settings = await readStartSettings(root, { ...anyPorts, DATA_DIR: 'data', SANDBOX_FILES: '.' });
  expect(settings).toMatchObject({ dataDir: join(root, 'data'), filesDir: root });
});

it.each(['GATEWAY_PORT', 'SSO_SANDBOX_PORT', 'VEEAM_SANDBOX_PORT', 'MANAGEMENT_PORT'])(
  'says that the port in %s is taken',
  async (name) => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    await expect(readStartSettings(root, { ...anyPorts, [name]: String(port) })).rejects.toThrow(
      `Port ${port} is taken, perhaps by another npm start: set ${name} to a free one.`,
    );
    squatter.close();
  },
);

it('takes an API version that the sandbox speaks, and no other', async () => {
  expect(await readStartSettings(root, { ...anyPorts, VEEAM_API_VERSION: 'v8' })).toMatchObject({ apiVersion: 'v8' });
  await expect(readStartSettings(root, { ...anyPorts, VEEAM_API_VERSION: 'auto' })).rejects.toThrow(
    'VEEAM_API_VERSION must be one of v5, v6, v7, v8.',
  );
});

it.each(['http', '70000', '-1', '3000.5'])('refuses %s as a port', async (text) => {
  await expect(readStartSettings(root, { ...anyPorts, GATEWAY_PORT: text })).rejects.toThrow(
    'GATEWAY_PORT must be a port',
  );
});

it('names the variable of a folder it cannot use', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(readStartSettings(root, { ...anyPorts, DATA_DIR: 'file' })).rejects.toThrow(
    'set DATA_DIR to another folder',
  );
  await expect(readStartSettings(root, { ...anyPorts, SANDBOX_FILES: 'missing' })).rejects.toThrow(
    'set SANDBOX_FILES to another one',
  );
});
