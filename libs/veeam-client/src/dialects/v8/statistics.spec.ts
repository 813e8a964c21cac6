import { UpstreamBrokenError } from '@app/problems';
import { readStatistics } from './statistics.js';

const counts = { totalItemsCount: 2 ** 40, restoredItemsCount: 3, failedItemsCount: 2, skippedItemsCount: 1 };
const about = { path: undefined, title: undefined };

it('statistics are counts, and issues of the whole, of each item and of the items within', () => {
  const items = [
    { itemRestoreDetailsType: 'Item', id: '1', title: 'fine.txt', status: 'Success', warnings: [] },
    { itemRestoreDetailsType: 'Item', id: '2', title: 'a.txt', path: '/a.txt', status: 'Failed', error: 'locked' },
    {
      itemRestoreDetailsType: 'BulkOneDrive',
      title: 'Alice',
      warnings: ['slow'],
      childItems: [{ itemRestoreDetailsType: 'Item', title: 'b.txt', path: '/b.txt', error: 'too long' }],
    },
  ];
  expect(readStatistics({ ...counts, warnings: ['w', '', 7], errors: ['e'], items })).toEqual({
    total: 2 ** 40,
    restored: 3,
    failed: 2,
    skipped: 1,
    results: [
      { itemId: '1', state: 'succeeded' },
      { itemId: '2', state: 'failed' },
    ],
    issues: [
      { ...about, severity: 'error', message: 'e' },
      { ...about, severity: 'warning', message: 'w' },
      { path: '/a.txt', title: 'a.txt', severity: 'error', message: 'locked' },
      { path: undefined, title: 'Alice', severity: 'warning', message: 'slow' },
      { path: '/b.txt', title: 'b.txt', severity: 'error', message: 'too long' },
    ],
  });
});

it('an error or a warning that stands with its item and in the list of the whole is one issue', () => {
  const items = [
    { itemRestoreDetailsType: 'Item', id: '1', title: 'a.txt', path: '/a.txt', status: 'Failed', error: 'locked' },
    {
      itemRestoreDetailsType: 'Item',
      id: '2',
      title: 'b.txt',
      path: '/b.txt',
      status: 'Warning',
      warnings: ['renamed'],
    },
  ];
  const { issues } = readStatistics({ ...counts, errors: ['locked', 'full'], warnings: ['renamed', 'locked'], items });
  expect(issues).toEqual([
    { ...about, severity: 'error', message: 'full' },
    { ...about, severity: 'warning', message: 'locked' },
    { path: '/a.txt', title: 'a.txt', severity: 'error', message: 'locked' },
    { path: '/b.txt', title: 'b.txt', severity: 'warning', message: 'renamed' },
  ]);
});

it('texts of issues have others in place of characters that no database holds', () => {
  const hostile = 'NUL \0, half a pair \udc00, and a whole one 😀';
  const { issues } = readStatistics({ ...counts, errors: [hostile], items: [{ path: hostile, error: 'e' }] });
  const harmless = 'NUL \ufffd, half a pair \ufffd, and a whole one 😀';
  expect(issues).toMatchObject([{ message: harmless }, { path: harmless }]);
});

it('items within items are followed to a depth that nothing real has', () => {
  let item: object = { title: 'deepest', error: 'e' };
  for (let depth = 0; depth < 10_000; depth++) item = { childItems: [item] };
  expect(readStatistics({ ...counts, items: [item] }).issues).toEqual([]);
});

it.each([undefined, [], {}, { ...counts, failedItemsCount: -1 }, { ...counts, items: 'x' }, { ...counts, items: [1] }])(
  '%j are no statistics',
  (body) => {
    expect(() => readStatistics(body)).toThrow(UpstreamBrokenError);
  },
);
