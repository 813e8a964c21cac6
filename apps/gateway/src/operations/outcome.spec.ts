import type { OperationOutcome } from '@app/store';

import { stateOf } from './outcome.js';

const outcome = (counts: Partial<OperationOutcome>): OperationOutcome => ({
  total: 10,
  restored: 0,
  failed: 0,
  skipped: 0,
  issues: [],
  ...counts,
});

it.each<[string, Partial<OperationOutcome> | undefined, string]>([
  ['no counts', undefined, 'succeeded'],
  ['all restored', { restored: 10 }, 'succeeded'],
  ['nothing to restore', { total: 0 }, 'succeeded'],
  ['nothing changed', { skipped: 10, skippedByNoChanges: 10, skippedByError: 0 }, 'succeeded'],
  ['some failed', { restored: 9, failed: 1 }, 'partially-succeeded'],
  ['some skipped by error', { restored: 9, skipped: 1, skippedByError: 1 }, 'partially-succeeded'],
  ['some failed, the rest unchanged', { failed: 1, skipped: 9 }, 'partially-succeeded'],
  ['all failed', { failed: 10 }, 'failed'],
  ['all skipped by error', { skipped: 10, skippedByError: 10 }, 'failed'],
  ['a success', { restored: 10, result: 'success' }, 'succeeded'],
  ['a success in which some failed', { restored: 9, failed: 1, result: 'success' }, 'partially-succeeded'],
  ['a success without a change', { skipped: 10, result: 'success' }, 'succeeded'],
  ['a warning', { restored: 10, result: 'warning' }, 'partially-succeeded'],
  ['a warning with everything failed', { failed: 10, result: 'warning' }, 'failed'],
  ['a failure with nothing counted', { total: 0, result: 'failed' }, 'failed'],
  ['a failure with everything skipped', { skipped: 10, result: 'failed' }, 'failed'],
  ['a failure half way', { restored: 4, result: 'failed' }, 'partially-succeeded'],
])('%s', (_, counts, state) => {
  expect(stateOf(counts && outcome(counts))).toBe(state);
});
