import type { FinalOperationState, OperationOutcome } from '@app/store';

/**
 * What upstream's counts mean. A 200 alone is no success; nothing restored because nothing had changed is one. An answer
 * without counts (older servers send none) is taken at its word.
 */
export function stateOf(
  outcome: OperationOutcome | undefined,
): Extract<FinalOperationState, 'succeeded' | 'partially-succeeded' | 'failed'> {
  if (outcome === undefined) {
    return 'succeeded';
  }
  const failed = outcome.failed + (outcome.skippedByError ?? 0);
  if (failed === 0) {
    return 'succeeded';
  }
  return outcome.restored > 0 || outcome.skipped > (outcome.skippedByError ?? 0) ? 'partially-succeeded' : 'failed';
}
