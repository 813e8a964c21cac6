import type { FinalOperationState, OperationOutcome } from '@app/store';

/**
 * What upstream's counts mean. A 200 alone is no success; nothing restored because nothing had changed is one. An answer
 * without counts (older servers send none) is taken at its word. Where upstream gives a verdict of its own, counts do not make
 * it better.
 */
export function stateOf(
  outcome: OperationOutcome | undefined,
): Extract<FinalOperationState, 'succeeded' | 'partially-succeeded' | 'failed'> {
  if (outcome === undefined) {
    return 'succeeded';
  }
  const { restored, skipped, skippedByError = 0, result } = outcome;
  const failed = outcome.failed + skippedByError;
  if (failed === 0 && result !== 'failed') {
    return result === 'warning' ? 'partially-succeeded' : 'succeeded';
  }
  return restored > 0 || (result !== 'failed' && skipped > skippedByError) ? 'partially-succeeded' : 'failed';
}
