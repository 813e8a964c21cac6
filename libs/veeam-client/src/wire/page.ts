import { UpstreamBrokenError } from '@app/problems';
import type { Page } from '../model.js';
import { Fields } from './fields.js';

export interface PageRequest {
  readonly offset: number;
  readonly limit: number;
}

/** Upstream's default is 30 and its ceiling 10,000; lists of 1,000 were seen to time out. */
export const PAGE_SIZE = 250;
const MOST_ITEMS = 10_000;

/**
 * Reads the envelope `{offset, limit, results, _links}`, or the bare array that some old answers are. There is no total to rely on:
 * a page is the last when its links name no next one, or else when it is shorter than asked for.
 *
 * @param readItem undefined for what is to be left out
 */
export function readPage<T>(body: unknown, request: PageRequest, readItem: (item: unknown) => T | undefined): Page<T> {
  if (Array.isArray(body)) return { items: readAll(body, readItem), nextOffset: undefined };
  const envelope = new Fields(body, 'a page');
  if (!envelope.has('results')) throw new UpstreamBrokenError('The backup server sent a page without results.');
  const results = envelope.optionalList('results');
  const links = envelope.optionalObject('_links');
  const limit = Math.min(request.limit, envelope.optionalCount('limit') ?? request.limit);
  const hasMore = results.length > 0 && (links ? links.has('next') : results.length >= limit);
  // A server may send less than it was asked for, and have more.
  return { items: readAll(results, readItem), nextOffset: hasMore ? request.offset + results.length : undefined };
}

/** @param readItem undefined for what is to be left out */
export function readAll<T>(items: readonly unknown[], readItem: (item: unknown) => T | undefined): T[] {
  // Not the function itself: it may take more than the item, and `map` would give it the index.
  return items.map((item) => readItem(item)).filter((item) => item !== undefined);
}

/** @throws UpstreamBrokenError when there is no end after `mostItems`, those that were left out among them */
export async function collectPages<T>(
  getPage: (request: PageRequest) => Promise<Page<T>>,
  mostItems = MOST_ITEMS,
): Promise<T[]> {
  const all: T[] = [];
  for await (const { items, nextOffset = 0 } of eachPage(getPage)) {
    all.push(...items);
    if (nextOffset >= mostItems) throw new UpstreamBrokenError(`The backup server lists more than ${mostItems} items.`);
  }
  return all;
}

/** Page after page to the end of a list; whoever has seen enough stops asking. */
export async function* eachPage<T>(
  getPage: (request: PageRequest) => Promise<Page<T>>,
  from = 0,
): AsyncGenerator<Page<T>> {
  for (let offset: number | undefined = from; offset !== undefined;) {
    const page: Page<T> = await getPage({ offset, limit: PAGE_SIZE });
    yield page;
    offset = page.nextOffset;
  }
}
