import type { FinalOperationState, Operation, OperationItemResult, OperationOutcome } from '@app/store';
import type { Outcome } from '@app/veeam-client';

type Ended = Extract<FinalOperationState, 'succeeded' | 'partially-succeeded' | 'failed'>;

/** How an operation ended of which upstream said how it went. */
export function endOf(
  { item }: Pick<Operation, 'item'>,
  told: Outcome | undefined,
): { state: Ended; outcome: OperationOutcome | undefined } {
  if (told === undefined) {
    return { state: 'succeeded', outcome: undefined };
  }
  const { results, ...outcome } = told;
  const items = 'itemIds' in item ? { items: resultsOf(item.itemIds, results, outcome) } : {};
  return { state: stateOf(outcome), outcome: { ...outcome, ...items } };
}

/** That a success wrote nothing, and why, as far as upstream tells. Undefined of anything else, which the counts tell by themselves. */
export function noteOf({ state, outcome }: Pick<Operation, 'state' | 'outcome'>): string | undefined {
  if (state !== 'succeeded' || outcome === undefined || outcome.total === 0) return undefined;
  const { total, restored, skipped, skippedByNoChanges } = outcome;
  if (restored > 0 || skipped < total) return undefined;
  return skippedByNoChanges === total
    ? 'Nothing was restored, because nothing had changed.'
    : 'Nothing was restored: the backup server skipped all of it and calls that a success. It does not say why; as a rule nothing had changed.';
}

/** Counts tell of each only when they tell the same of all. */
function resultsOf(
  itemIds: readonly string[],
  results: Outcome['results'],
  outcome: OperationOutcome,
): OperationItemResult[] {
  const told = new Map(results.map(({ itemId, state }) => [itemId, state]));
  const rest = stateOf(outcome) === 'succeeded' && outcome.skipped === 0 ? 'succeeded' : 'unknown';
  return itemIds.map((itemId) => ({ itemId, state: told.get(itemId) ?? rest }));
}

/**
 * What upstream's counts mean. A 200 alone is no success; nothing restored because nothing had changed is one. An answer
 * without counts (older servers send none) is taken at its word. Where upstream gives a verdict of its own, counts do not make
 * it better.
 */
function stateOf(outcome: OperationOutcome): Ended {
  const { restored, skipped, skippedByError = 0, result } = outcome;
  const failed = outcome.failed + skippedByError;
  if (failed === 0 && result !== 'failed') {
    return result === 'warning' ? 'partially-succeeded' : 'succeeded';
  }
  return restored > 0 || (result !== 'failed' && skipped > skippedByError) ? 'partially-succeeded' : 'failed';
}
