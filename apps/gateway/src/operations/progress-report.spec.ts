import type { RestoreEvent } from '@app/veeam-client';

import { EarlierWork, ProgressReport } from './progress-report.js';

const counts = (restored: number, total = 4) => ({ total, restored, failed: 0, skipped: 0 });
const event = (order: number, more: Partial<RestoreEvent> = {}): RestoreEvent => ({
  order,
  kind: 'restore',
  state: 'succeeded',
  startedAt: '2026-11-02T08:00:00.000Z',
  endedAt: undefined,
  itemName: `${order}.txt`,
  message: '',
  ...more,
});

describe('a progress report', () => {
  it('tells counts, the percentage, and what upstream did since the look before', () => {
    const report = new ProgressReport();
    expect(report.next(counts(1), [event(0), event(1, { itemName: undefined, state: 'running' })])).toEqual({
      counts: counts(1),
      percentage: 25,
      activities: ['restore 0.txt succeeded', 'restore running'],
    });
    expect(report.next(counts(2), [event(1), event(2)])?.activities).toEqual(['restore 2.txt succeeded']);
  });

  it('tells nothing where nothing is new', () => {
    const report = new ProgressReport();
    expect(report.next(undefined, [])).toBeUndefined();
    report.next(counts(1), [event(0)]);
    expect(report.next({ skipped: 0, failed: 0, restored: 1, total: 4 }, [event(0)])).toBeUndefined();
  });

  it('knows no percentage before upstream knows how many there are, and none beyond 100', () => {
    expect(new ProgressReport().next(counts(0, 0), [])).not.toHaveProperty('percentage', expect.anything());
    expect(new ProgressReport().next(counts(9, 4), [])).toMatchObject({ percentage: 100 });
    expect(new ProgressReport().next(undefined, [event(0)])).toEqual({ activities: ['restore 0.txt succeeded'] });
  });

  it('leaves out what says nothing, and does not look at it again', () => {
    const report = new ProgressReport();
    expect(report.next(undefined, [event(7, { kind: 'other', itemName: undefined })])).toBeUndefined();
    expect(report.told).toMatchObject({ upstreamOrder: 7, activities: [] });
  });

  it('keeps the counts where one look gave none', () => {
    const report = new ProgressReport();
    report.next(counts(1), []);
    expect(report.next(undefined, [event(0)])).toMatchObject({ counts: counts(1), percentage: 25 });
    expect(report.told).toMatchObject({ counts: counts(1), percentage: 25 });
  });

  it('sums up the last activities, twenty at most, for whoever comes later', () => {
    const report = new ProgressReport();
    report.next(undefined, [event(0)]);
    report.next(counts(1), []);
    expect(report.told.activities).toEqual(['restore 0.txt succeeded']);
    const many = Array.from({ length: 5_000 }, (_, index) => event(index + 1));
    expect(report.next(undefined, many)?.activities).toHaveLength(20);
    expect(report.told).toMatchObject({
      upstreamOrder: 5_000,
      activities: { length: 20, 19: 'restore 5000.txt succeeded' },
    });
  });

  it('goes on where another replica left off, and repeats nothing', () => {
    const left = new ProgressReport();
    left.next(counts(2), [event(0), event(1)]);
    const taken = new ProgressReport(JSON.parse(JSON.stringify(left.told)) as typeof left.told);
    expect(taken.next(counts(2), [event(0), event(1)])).toBeUndefined();
    expect(taken.next(counts(2), [event(2)])?.activities).toEqual(['restore 2.txt succeeded']);
  });

  it('cuts a name that has no end, and no character in two', () => {
    const [activity = ''] =
      new ProgressReport().next(undefined, [event(0, { itemName: '😀'.repeat(9_999) })])?.activities ?? [];
    expect(activity).toBe(`restore ${'😀'.repeat(300)} succeeded`);
  });
});

describe('what was done in a session before', () => {
  const at = (time: string) => Date.parse(`2026-11-02T${time}Z`);

  it.each([
    ['nothing was logged', [], -1],
    ['all of it is older', [event(0), event(1)], 1],
    ['something began since', [event(0), event(1), event(2, { startedAt: '2026-11-02T09:00:00.000Z' }), event(3)], 1],
    ['something still runs, by a clock that is behind', [event(0), event(1, { state: 'running' }), event(2)], 0],
  ])('ends where it should when %s', (_, events, order) => {
    for (const lines of [events, [...events].reverse()]) {
      const earlier = new EarlierWork(at('09:00:00'));
      for (const line of lines) earlier.see(line);
      expect(earlier.lastOrder).toBe(order);
    }
  });
});
