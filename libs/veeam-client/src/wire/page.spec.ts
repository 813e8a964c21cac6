import { UpstreamBrokenError } from '@app/problems';
import { collectPages, readPage } from './page.js';

const asIs = (item: unknown) => item;
const request = { offset: 0, limit: 2 };

describe('readPage', () => {
  it.each([
    ['full, no links', { results: [1, 2], limit: 2 }, true],
    ['short, no links', { results: [1], limit: 2 }, false],
    ['full, with a next page', { results: [1, 2], _links: { next: { href: '/' } } }, true],
    ['full, with links but no next page', { results: [1, 2], _links: { self: { href: '/' } } }, false],
    ['short, with a next page', { results: [1], _links: { next: { href: '/' } } }, true],
    ['empty, with a next page', { results: [], _links: { next: { href: '/' } } }, false],
    ['cut down to a smaller limit', { results: [1], limit: 1 }, true],
    ['full, links are null', { results: [1, 2], _links: null }, true],
    ['in other case', { Results: [1, 2], Limit: 2 }, true],
    ['a bare array', [1, 2], false],
  ])('%s', (_, body, hasMore) => {
    expect(readPage(body, request, asIs).hasMore).toBe(hasMore);
  });

  it.each([undefined, null, 'x', {}, { results: {} }, { results: null }])('refuses %j', (body) => {
    expect(() => readPage(body, request, asIs)).toThrow(UpstreamBrokenError);
  });
});

it('collectPages goes on by what it got, not by what it asked for', async () => {
  const offsets: number[] = [];
  const all = await collectPages(({ offset }) => {
    offsets.push(offset);
    return Promise.resolve({ items: [offset, offset + 1], hasMore: offset < 4 });
  });
  expect(all).toEqual([0, 1, 2, 3, 4, 5]);
  expect(offsets).toEqual([0, 2, 4]);
});
