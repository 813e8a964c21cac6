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
  /** Whether it is one of several OneDrives that were named together. */
  readonly isBulk: boolean;
}

/** Faults that a test asked for. */
export interface OutcomeFault {
  /** This many documents fail, the first ones. */
  readonly failures?: number;
  /** Nothing is written, everything counts as unchanged. */
  readonly nothingRestored?: boolean;
  /** The whole restore breaks off with this text ... */
  readonly breaksOff?: string;
  /** ... before the document of this number, counted from 0, the default. */
  readonly breaksOffAt?: number;
}

/** What became of one document. */
export interface RestoredItem {
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly status: 'Success' | 'Skipped' | 'Failed';
  readonly error: string | undefined;
}

/** Counts documents; folders come along uncounted. The numbers grow while the restore runs, but for the total. */
export interface RestoreStatistics {
  total: number;
  restored: number;
  failed: number;
  skippedByError: number;
  skippedByNoChanges: number;
  readonly items: RestoredItem[];
}

export interface RestoreSurroundings {
  readonly production: Production;
  readonly fault: OutcomeFault;
  /** Where a test may let a restore wait. */
  readonly beforeDocument: () => Promise<void>;
}

/** Writes the chosen items to production, one event per document and one around all. Breaks off when its session is stopping. */
export async function restoreItems(
  selection: Selection,
  choices: RestoreChoices,
  surroundings: RestoreSurroundings,
): Promise<RestoreStatistics> {
  const { session, oneDrive, tree, chosen, title } = selection;
  const { production, fault } = surroundings;
  const items = unique(chosen.flatMap((item) => tree.below(item))).filter(
    (item) => choices.deletedItems || !item.isDeleted,
  );
  const total = items.filter(({ kind }) => kind === 'document').length;
  const statistics = { total, restored: 0, failed: 0, skippedByError: 0, skippedByNoChanges: 0, items: [] };
  session.restored.push({ oneDrive, statistics, isBulk: choices.isBulk });
  const target = choices.targetRoot;
  const around = session.log({
    type: 'Restore',
    status: 'Running',
    title: `Restoring ${title}`,
    message: `Restoring ${title}`,
    target,
  });
  try {
    await production.makeFolder(target);
    let number = 0;
    for (const item of items) {
      if (item.kind === 'folder') {
        await production.makeFolder(`${target}/${item.path}`);
        continue;
      }
      await surroundings.beforeDocument();
      if (session.isStopping) throw new Error('The restore session has been stopped.');
      if (fault.breaksOff !== undefined && number === (fault.breaksOffAt ?? 0)) throw new Error(fault.breaksOff);
      await restoreDocument(item, {
        selection,
        choices,
        surroundings,
        statistics,
        isToFail: number++ < (fault.failures ?? 0),
      });
    }
    if (fault.breaksOff !== undefined && total === 0) throw new Error(fault.breaksOff);
    around.status = statistics.failed > 0 ? 'Warning' : 'Success';
    around.message = `Restored ${statistics.restored} of ${statistics.total} documents`;
  } catch (error) {
    around.status = session.isStopping ? 'Cancelled' : 'Failed';
    around.message = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    around.endedAt = new Date();
  }
  return statistics;
}

interface OneOfMany {
  readonly selection: Selection;
  readonly choices: RestoreChoices;
  readonly surroundings: RestoreSurroundings;
  readonly statistics: RestoreStatistics;
  readonly isToFail: boolean;
}

async function restoreDocument(document: Document, one: OneOfMany): Promise<void> {
  const { selection, choices, surroundings, statistics, isToFail } = one;
  const { production, fault } = surroundings;
  const { id, name, path, current, previous } = document;
  const target = `${choices.targetRoot}/${path}`;
  const event = selection.session.log({
    type: 'Restore',
    status: 'Running',
    title: `Restoring ${path}`,
    message: `Restoring ${path}`,
    itemName: name,
    itemType: 'Document',
    itemSizeBytes: current.content.size,
    target,
  });
  let error: string | undefined;
  try {
    if (isToFail) throw new Error('Access to the item was denied.');
    const result =
      fault.nothingRestored === true ? 'unchanged' : await production.write(target, current, choices.onConflict);
    if (choices.allVersions && fault.nothingRestored !== true) {
      for (const version of previous) await production.writeVersion(target, version);
    }
    if (result === 'written') statistics.restored++;
    else statistics.skippedByNoChanges++;
    event.status = result === 'written' ? 'Success' : 'Skipped';
    event.message = result === 'written' ? `Restored ${path}` : `Skipped ${path}: no changes`;
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause);
    statistics.failed++;
    event.status = 'Failed';
    event.message = error;
  }
  statistics.items.push({ id, path, name, status: event.status, error });
  event.endedAt = new Date();
}

function unique(items: Item[]): Item[] {
  return [...new Set(items)];
}
