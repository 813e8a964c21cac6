import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(__dirname, '../..');

/** Starts the PostgreSQL of this run and tells `createTestDatabase` in test-database.ts where it is. */
export default async function globalSetup(): Promise<void> {
  execFileSync(process.execPath, [join(root, 'scripts/build-if-stale.mjs')], { stdio: 'inherit' });
  const cluster = spawn(process.execPath, [join(root, 'dist/scripts/test-database-cluster.js')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const firstLine = await new Promise<string>((resolve, reject) => {
    if (cluster.stdout) createInterface({ input: cluster.stdout }).once('line', resolve);
    cluster.once('exit', () => {
      reject(new Error('The database for the tests did not start.'));
    });
  });
  const { adminUrl, ownerUrl, serviceUrl } = JSON.parse(firstLine) as Record<string, string>;
  Object.assign(process.env, {
    TEST_DATABASE_ADMIN_URL: adminUrl,
    TEST_DATABASE_OWNER_URL: ownerUrl,
    TEST_DATABASE_SERVICE_URL: serviceUrl,
  });
  Object.assign(globalThis, { testDatabaseCluster: cluster });
}
