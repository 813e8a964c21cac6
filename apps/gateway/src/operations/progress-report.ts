import type { LastProgress, OperationProgress } from '@app/store';
import type { LoggedLine, RestoreCounts, RestoreEvent } from '@app/veeam-client';

/** Activities of one event; a long restore logs thousands of lines. */
const MOST_ACTIVITIES = 20;
/** Code points of the name of an item, which is upstream's to choose. */
const LONGEST_NAME = 300;

/** Makes one event of what upstream tells at each look, and none where nothing is new. */
export class ProgressReport {
  private last: LastProgress;

  /** @param told what is old news */
  constructor({ counts, percentage, activities = [], upstreamOrder = -1 }: Partial<LastProgress> = {}) {
    this.last = { counts, percentage, activities, upstreamOrder };
  }

  /** All in all, so far. */
  get told(): LastProgress {
    return this.last;
  }

  next(counts: RestoreCounts | undefined, events: readonly RestoreEvent[]): OperationProgress | undefined {
    const { last } = this;
    const newEvents = events.filter(({ order }) => order > last.upstreamOrder);
    const activities = newEvents.filter(isTelling).slice(-MOST_ACTIVITIES).map(activityOf);
    const newCounts = counts !== undefined && !isSame(counts, last.counts) ? counts : undefined;
    const numbers = newCounts
      ? { counts: newCounts, percentage: percentageOf(newCounts) }
      : { counts: last.counts, percentage: last.percentage };
    this.last = {
      ...numbers,
      activities: [...last.activities, ...activities].slice(-MOST_ACTIVITIES),
      upstreamOrder: lastOrderOf(newEvents, last.upstreamOrder),
    };
    return newCounts || activities.length > 0 ? { ...numbers, activities } : undefined;
  }
}

/**
 * Where, in the log of a session, what was done in it before an operation ends. Upstream's clock may be behind: what still runs belongs to the
 * operation as well, since it is the only one. Takes the lines of the whole session one by one, in any order: there may be any number.
 */
export class EarlierWork {
  private firstSince = Infinity;
  private last = -1;

  /** @param since when the operation began, ms since the Unix epoch */
  constructor(private readonly since: number) {}

  see({ order, state, startedAt }: LoggedLine): void {
    this.last = Math.max(this.last, order);
    if (state === 'running' || Date.parse(startedAt) >= this.since) this.firstSince = Math.min(this.firstSince, order);
  }

  /** -1 when there was none. */
  get lastOrder(): number {
    return Math.min(this.last, this.firstSince - 1);
  }
}

function lastOrderOf(events: readonly RestoreEvent[], least: number): number {
  return events.reduce((last, { order }) => Math.max(last, order), least);
}

/** That a session was opened, say, is neither an action nor about an item. */
function isTelling({ kind, itemName }: RestoreEvent): boolean {
  return kind !== 'other' || itemName !== undefined;
}

/** In words of ours: upstream's messages may name what is not for callers. */
function activityOf({ kind, state, itemName }: RestoreEvent): string {
  const name = itemName === undefined ? [] : [Array.from(itemName).slice(0, LONGEST_NAME).join('')];
  return [kind, ...name, state].join(' ');
}

function percentageOf({ total, restored, failed, skipped }: RestoreCounts): number | undefined {
  if (total <= 0) return undefined;
  return Math.min(100, Math.floor((100 * (restored + failed + skipped)) / total));
}

function isSame(one: RestoreCounts, other: RestoreCounts | undefined): boolean {
  const names = ['total', 'restored', 'failed', 'skipped'] as const;
  return names.every((name) => one[name] === other?.[name]);
}
