import type { ItemResult, Outcome } from '@app/veeam-client';

import { endOf, noteOf } from './outcome.js';

const outcome = (counts: Partial<Outcome>): Outcome => ({
  total: 10,
  restored: 0,
  failed: 0,
  skipped: 0,
  skippedByError: undefined,
  skippedByNoChanges: undefined,
  failedRestrictions: undefined,
  result: undefined,
  issues: [],
  results: [],
  ...counts,
});
const oneDrive = { item: { kind: 'onedrive', oneDriveId: '1' } } as const;

it.each<[string, Partial<Outcome> | undefined, string]>([
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
  expect(endOf(oneDrive, counts && outcome(counts)).state).toBe(state);
});

it.each<[string, Partial<Outcome>, RegExp | undefined]>([
  ['nothing changed', { skipped: 10, skippedByNoChanges: 10, skippedByError: 0 }, /because nothing had changed\.$/],
  ['nothing was done and it is not known why', { skipped: 10, result: 'success' }, /does not say why/],
  ['something was restored', { restored: 1, skipped: 9, skippedByNoChanges: 9 }, undefined],
  ['nothing was there to restore', { total: 0 }, undefined],
  ['everything was skipped by error', { skipped: 10, skippedByError: 10 }, undefined],
  ['some failed', { failed: 1, skipped: 9, skippedByNoChanges: 9 }, undefined],
  ['upstream warns', { skipped: 10, result: 'warning' }, undefined],
  ['not all is accounted for', { skipped: 9, skippedByNoChanges: 9 }, undefined],
])('a note when %s', (_, counts, note) => {
  const told = noteOf(endOf(oneDrive, outcome(counts)));
  expect(told).toEqual(note && expect.stringMatching(note));
});

describe('of several items', () => {
  const several = { item: { kind: 'documents', oneDriveId: '1', itemIds: ['a', 'b', 'c'] } } as const;
  const itemsOf = (counts: Partial<Outcome>) => endOf(several, outcome(counts)).outcome?.items;
  const told = (...states: ItemResult['state'][]) => states.map((state, i) => ({ itemId: 'abc'.charAt(i), state }));

  it('each is told as upstream told it, whatever else upstream restored', () => {
    const results = [...told('succeeded', 'failed', 'skipped'), { itemId: 'below', state: 'failed' } as const];
    expect(itemsOf({ restored: 1, failed: 2, skipped: 1, results })).toEqual(told('succeeded', 'failed', 'skipped'));
  });

  it('all succeeded when the counts say nothing else', () => {
    expect(itemsOf({ restored: 10 })).toEqual(told('succeeded', 'succeeded', 'succeeded'));
  });

  it.each<[string, Partial<Outcome>]>([
    ['some failed', { restored: 9, failed: 1 }],
    ['some were skipped', { restored: 9, skipped: 1 }],
    ['upstream calls it a failure', { restored: 10, result: 'failed' }],
  ])('of which upstream said nothing it is not known when %s', (_, counts) => {
    const results = [{ itemId: 'a', state: 'failed' } as const];
    expect(itemsOf({ ...counts, results })?.map(({ state }) => state)).toEqual(['failed', 'unknown', 'unknown']);
  });

  it('a OneDrive as a whole has none', () => {
    expect(endOf(oneDrive, outcome({ results: told('succeeded') })).outcome).not.toHaveProperty('items');
  });
});
