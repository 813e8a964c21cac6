import type { RestoreStatistics } from '../world/item-restore.js';
import type { OneDrive } from '../world/organizations.js';
import { internalFailure, SandboxError } from '../world/sandbox-error.js';
import { empty, json, type Answer, type Exchange } from './api-version.js';
import { carryOut, type RestoreOrder } from './orders.js';

/* Up to v7 restores and copies hold the connection until they are through, and answer with what came of them. */

export async function restoreAnswer(exchange: Exchange, order: RestoreOrder): Promise<Answer> {
  const [statistics] = await run(exchange, order);
  const isEmpty = exchange.faults.get('outcome')?.emptyBody === true || !statistics;
  return isEmpty ? empty() : json(statisticsToWire(statistics));
}

/** @param asked all OneDrives that were to be restored, of which the order may have passed some over */
export async function bulkAnswer(
  exchange: Exchange,
  order: RestoreOrder,
  asked: readonly OneDrive[],
  oneDriveToWire: (oneDrive: OneDrive) => object,
): Promise<Answer> {
  const done = await run(exchange, order);
  const isPartial = done.some(({ failed }) => failed > 0) || done.length < asked.length;
  return json({
    status: isPartial ? 'Warning' : 'Success',
    details: order.parts.map(({ selection: { oneDrive } }, i) => {
      const statistics = done[i];
      return {
        oneDrive: oneDriveToWire(oneDrive),
        status: (statistics?.failed ?? 0) > 0 ? 'Warning' : 'Success',
        details: { failedRestrictionsCount: 0, restoreIssues: statistics ? issuesToWire(statistics) : [] },
      };
    }),
  });
}

async function run(exchange: Exchange, { record, parts }: RestoreOrder): Promise<RestoreStatistics[]> {
  const accepted = exchange.accept(record);
  await exchange.faults.reach('running');
  try {
    const done: RestoreStatistics[] = [];
    for (const part of parts) done.push(await carryOut(exchange, part));
    accepted.state = 'finished';
    return done;
  } catch (error) {
    accepted.state = 'failed';
    if (error instanceof SandboxError) throw error;
    throw internalFailure(error instanceof Error ? error.message : String(error));
  }
}

function statisticsToWire(statistics: RestoreStatistics): object {
  return {
    totalItemsCount: statistics.total,
    restoredItemsCount: statistics.restored,
    failedItemsCount: statistics.failed,
    skippedItemsByErrorCount: statistics.skippedByError,
    skippedItemsByNoChangesCount: statistics.skippedByNoChanges,
    failedRestrictionsCount: 0,
    restoreIssues: issuesToWire(statistics),
  };
}

function issuesToWire({ items }: RestoreStatistics): object[] {
  return items
    .filter(({ error }) => error !== undefined)
    .map(({ id, path, name, error }) => ({ id, path, title: name, error, type: 'Item', warnings: [] }));
}
