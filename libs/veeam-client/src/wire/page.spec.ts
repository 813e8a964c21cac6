import { UpstreamBrokenError } from '@app/problems';
import { collectPages, readPage } from './page.js';

const asIs = (item: unknown) => item;
const request = { offset: 4, limit: 2 };

describe('readPage', () => {
  it.each([
    ['full, no links', { results: [1, 2], limit: 2 }, 6],
    ['short, no links', { results: [1], limit: 2 }, undefined],
    ['full, with a next page', { results: [1, 2], _links: { next: { href: '/' } } }, 6],
    ['full, with links but no next page', { results: [1, 2], _links: { self: { href: '/' } } }, undefined],
    ['short, with a next page', { results: [1], _links: { next: { href: '/' } } }, 5],
    ['empty, with a next page', { results: [], _links: { next: { href: '/' } } }, undefined],
    ['cut down to a smaller limit', { results: [1], limit: 1 }, 5],
    ['full, links are null', { results: [1, 2], _links: null }, 6],
    ['in other case', { Results: [1, 2], Limit: 2 }, 6],
    ['a bare array', [1, 2], undefined],
  ])('%s', (_, body, nextOffset) => {
    expect(readPage(body, request, asIs).nextOffset).toBe(nextOffset);
  });

  it.each([undefined, null, 'x', {}, { results: {} }, { results: null }])('refuses %j', (body) => {
    expect(() => readPage(body, request, asIs)).toThrow(UpstreamBrokenError);
  });
});

it('what is left out of a page counts for where the next one begins', async () => {
  const odd = (item: unknown) => (Number(item) % 2 === 1 ? item : undefined);
  expect(readPage({ results: [1, 2, 4] }, { offset: 10, limit: 3 }, odd)).toEqual({ items: [1], nextOffset: 13 });
  const endless = collectPages(({ offset }) => Promise.resolve({ items: [], nextOffset: offset + 5 }), 20);
  await expect(endless).rejects.toThrow(UpstreamBrokenError);
});

it('collectPages goes on by what it got, not by what it asked for', async () => {
  const offsets: number[] = [];
  const all = await collectPages(({ offset }) => {
    offsets.push(offset);
    return Promise.resolve({ items: [offset, offset + 1], nextOffset: offset < 4 ? offset + 2 : undefined });
  });
  expect(all).toEqual([0, 1, 2, 3, 4, 5]);
  expect(offsets).toEqual([0, 2, 4]);
});
