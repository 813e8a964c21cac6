import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export default async function globalTeardown(): Promise<void> {
  const { testDatabaseCluster: cluster } = globalThis as { testDatabaseCluster?: ChildProcess };
  if (cluster?.exitCode !== null) return;
  const exited = once(cluster, 'exit');
  cluster.disconnect();
  await exited;
}
