import type { RestoredItem, RestoreStatistics } from '../world/item-restore.js';
import type { RestoredOneDrive, RestoreSession } from '../world/restore-sessions.js';

/** Numbers grow while the session works; items come once it has stopped. */
export function statisticsToWire({ restored, stoppedAt, error }: RestoreSession): object {
  const sum = (of: (statistics: RestoreStatistics) => number): number =>
    restored.reduce((total, { statistics }) => total + of(statistics), 0);
  const errors = restored.flatMap(({ statistics }) => statistics.items.flatMap((item) => item.error ?? []));
  return {
    totalItemsCount: sum(({ total }) => total),
    restoredItemsCount: sum((statistics) => statistics.restored),
    failedItemsCount: sum(({ failed }) => failed),
    skippedItemsCount: sum(({ skippedByError, skippedByNoChanges }) => skippedByError + skippedByNoChanges),
    warnings: [],
    errors: error === undefined ? errors : [...errors, error],
    items: stoppedAt ? restored.flatMap(itemsOf) : [],
  };
}

function itemsOf({ oneDrive, statistics, isBulk }: RestoredOneDrive): object[] {
  const items = statistics.items.map(itemToWire);
  if (!isBulk) return items;
  const { id, name, url } = oneDrive;
  return [
    {
      id,
      itemRestoreDetailsType: 'BulkOneDrive',
      name,
      title: name,
      itemType: 'OneDriveItem',
      status: statusOf(statistics),
      warnings: [],
      childItems: items,
      oneDriveWebId: id.slice(0, 36),
      oneDriveSiteId: id.slice(36),
      oneDriveUrl: url,
    },
  ];
}

function statusOf({ total, restored, failed, items }: RestoreStatistics): RestoredItem['status'] | 'Warning' {
  if (failed > 0 || items.length < total) return failed === total ? 'Failed' : 'Warning';
  return restored === 0 && total > 0 ? 'Skipped' : 'Success';
}

function itemToWire({ id, name, path, status, error }: RestoredItem): object {
  return {
    id,
    itemRestoreDetailsType: 'Item',
    name,
    title: name,
    itemType: 'OneDriveItem',
    status,
    path,
    ...(error === undefined ? {} : { error }),
    warnings: [],
  };
}
