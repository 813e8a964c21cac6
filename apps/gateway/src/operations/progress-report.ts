import type { OperationProgress } from '@app/store';
import type { RestoreCounts, RestoreEvent } from '@app/veeam-client';

/** Activities of one event; a long restore logs thousands of lines. */
const MOST_ACTIVITIES = 20;

/** Makes one event of what upstream tells at each look, and none where nothing is new. */
export class ProgressReport {
  private told: string | undefined;
  private lastOrder: number;

  /** @param afterOrder of the last of upstream's events that is old news */
  constructor(afterOrder = -1) {
    this.lastOrder = afterOrder;
  }

  /** Of upstream's events, the last one seen. */
  get order(): number {
    return this.lastOrder;
  }

  next(counts: RestoreCounts | undefined, events: readonly RestoreEvent[]): OperationProgress | undefined {
    this.lastOrder = Math.max(this.lastOrder, ...events.map(({ order }) => order));
    const activities = events.slice(-MOST_ACTIVITIES).map(activityOf);
    const numbers = counts === undefined ? this.told : JSON.stringify(counts);
    if (activities.length === 0 && numbers === this.told) return undefined;
    this.told = numbers;
    return { counts, percentage: counts && percentageOf(counts), activities };
  }
}

/** In words of ours: upstream's messages may name what is not for callers. */
function activityOf({ kind, state, itemName }: RestoreEvent): string {
  return [kind, itemName, state].filter((part) => part !== undefined).join(' ');
}

function percentageOf({ total, restored, failed, skipped }: RestoreCounts): number | undefined {
  if (total <= 0) return undefined;
  return Math.min(100, Math.floor((100 * (restored + failed + skipped)) / total));
}
