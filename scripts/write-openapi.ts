import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfiguration } from '@app/config';
import { createApp } from '../apps/gateway/src/configure-app.js';
import { createOpenApiDocument } from '../apps/gateway/src/http/openapi.js';

/*
 * npm run openapi: writes openapi.json as the built gateway would serve it. The gateway is put together, but neither
 * started nor connected to anything, so its neighbours may be made up.
 */

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

const folder = await mkdtemp(join(tmpdir(), 'restore-gateway-openapi-'));
try {
  const settings = join(folder, 'gateway.yaml');
  await writeFile(settings, 'organizations: [{ name: example.com }]\n');
  const configuration = await loadConfiguration({
    DATABASE_URL: 'postgresql://nobody:nothing@127.0.0.1/nowhere',
    SSO_ISSUER: 'https://sso.example.com',
    SSO_AUDIENCE: 'restore-gateway',
    VEEAM_URL: 'https://backup.example.com:4443',
    VEEAM_USERNAME: 'nobody',
    VEEAM_PASSWORD: 'nothing',
    GATEWAY_CONFIG: settings,
    LOG_LEVEL: 'warn',
  });
  const app = await createApp(configuration);
  await writeFile(join(root, 'openapi.json'), `${JSON.stringify(createOpenApiDocument(app), null, 2)}\n`);
  await app.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
