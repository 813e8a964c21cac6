import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(__dirname, '../..');

/**
 * Starts the PostgreSQL of this run and tells `createTestDatabase` in test-database.ts where it is; makes the keys of this
 * run and tells `startNeighbours` in world.ts where they are.
 */
export default async function globalSetup(): Promise<void> {
  execFileSync(process.execPath, [join(root, 'scripts/build-if-stale.mjs')], { stdio: 'inherit' });
  const cluster = spawn(process.execPath, [join(root, 'dist/scripts/test-database-cluster.js')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    if (cluster.stdout) createInterface({ input: cluster.stdout }).once('line', resolve);
    cluster.once('exit', () => {
      reject(new Error('The database for the tests did not start.'));
    });
  });
  const keys = mkdtempSync(join(tmpdir(), 'restore-gateway-keys-'));
  execFileSync(process.execPath, [join(root, 'dist/scripts/test-keys.js'), keys], { stdio: 'inherit' });
  const { adminUrl, ownerUrl, serviceUrl } = JSON.parse(await firstLine) as Record<string, string>;
  Object.assign(process.env, {
    TEST_DATABASE_ADMIN_URL: adminUrl,
    TEST_DATABASE_OWNER_URL: ownerUrl,
    TEST_DATABASE_SERVICE_URL: serviceUrl,
    TEST_KEYS: keys,
  });
  Object.assign(globalThis, { testDatabaseCluster: cluster });
}
