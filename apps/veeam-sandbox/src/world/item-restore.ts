import type { Document, Item, ItemTree } from './item-tree.js';
import type { OneDrive } from './organizations.js';
import type { ConflictChoice, Production } from './production.js';
import type { RestoreSession } from './restore-sessions.js';

/** The items of one OneDrive that an action is about. */
export interface Selection {
  readonly session: RestoreSession;
  readonly oneDrive: OneDrive;
  readonly tree: ItemTree;
  /** What was named in the request; each stands for everything in it. */
  readonly chosen: readonly Item[];
  /** A word for events and file names. */
  readonly title: string;
}

export interface RestoreChoices {
  /** Path in production of the target's root. */
  readonly targetRoot: string;
  readonly onConflict: ConflictChoice;
  readonly allVersions: boolean;
  readonly deletedItems: boolean;
}

/** Faults that a test asked for. */
export interface OutcomeFault {
  /** This many documents fail, the first ones. */
  readonly failures?: number;
  /** Nothing is written, everything counts as unchanged. */
  readonly nothingRestored?: boolean;
}

export interface RestoreIssue {
  readonly id: string;
  readonly path: string;
  readonly title: string;
  readonly error: string;
}

/** Counts documents; folders come along uncounted. */
export interface RestoreStatistics {
  total: number;
  restored: number;
  failed: number;
  skippedByError: number;
  skippedByNoChanges: number;
  readonly issues: RestoreIssue[];
}

/** Writes the chosen items to production, one event per document and one around all. */
export async function restoreItems(
  selection: Selection,
  choices: RestoreChoices,
  production: Production,
  fault: OutcomeFault = {},
): Promise<RestoreStatistics> {
  const { session, tree, chosen, title } = selection;
  const items = unique(chosen.flatMap((item) => tree.below(item))).filter(
    (item) => choices.deletedItems || !item.isDeleted,
  );
  const statistics = { total: 0, restored: 0, failed: 0, skippedByError: 0, skippedByNoChanges: 0, issues: [] };
  const target = choices.targetRoot;
  const around = session.log({
    type: 'Restore',
    status: 'Running',
    title: `Restoring ${title}`,
    message: `Restoring ${title}`,
    target,
  });
  await production.makeFolder(target);
  for (const item of items) {
    if (item.kind === 'folder') await production.makeFolder(`${target}/${item.path}`);
    else await restoreDocument(item, selection, choices, production, statistics, fault);
  }
  around.endedAt = new Date();
  around.status = statistics.failed > 0 ? 'Warning' : 'Success';
  around.message = `Restored ${statistics.restored} of ${statistics.total} documents`;
  return statistics;
}

async function restoreDocument(
  document: Document,
  { session }: Selection,
  { targetRoot, onConflict, allVersions }: RestoreChoices,
  production: Production,
  statistics: RestoreStatistics,
  fault: OutcomeFault,
): Promise<void> {
  const { id, name, path, current, previous } = document;
  statistics.total++;
  const event = session.log({
    type: 'Restore',
    status: 'Running',
    title: `Restoring ${path}`,
    message: `Restoring ${path}`,
    itemName: name,
    itemType: 'Document',
    itemSizeBytes: current.content.size,
    target: `${targetRoot}/${path}`,
  });
  try {
    if (statistics.total <= (fault.failures ?? 0)) throw new Error('Access to the item was denied.');
    const result =
      fault.nothingRestored === true
        ? 'unchanged'
        : await production.write(`${targetRoot}/${path}`, current, onConflict);
    if (allVersions && fault.nothingRestored !== true) {
      for (const version of previous) await production.writeVersion(`${targetRoot}/${path}`, version);
    }
    if (result === 'written') statistics.restored++;
    else statistics.skippedByNoChanges++;
    event.status = result === 'written' ? 'Success' : 'Skipped';
    event.message = result === 'written' ? `Restored ${path}` : `Skipped ${path}: no changes`;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    statistics.failed++;
    statistics.issues.push({ id, path, title: name, error: text });
    event.status = 'Failed';
    event.message = text;
  }
  event.endedAt = new Date();
}

function unique(items: Item[]): Item[] {
  return [...new Set(items)];
}
