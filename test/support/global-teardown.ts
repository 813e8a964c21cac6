import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';

export default async function globalTeardown(): Promise<void> {
  if (process.env.TEST_KEYS) rmSync(process.env.TEST_KEYS, { recursive: true, force: true });
  const { testDatabaseCluster: cluster } = globalThis as { testDatabaseCluster?: ChildProcess };
  if (cluster?.exitCode !== null) return;
  const exited = once(cluster, 'exit');
  cluster.disconnect();
  await exited;
}
