import { json, type Answer, type Exchange } from '../http/api-version.js';
import { pageToWire } from '../http/links.js';
import { type Page, pageOf } from '../http/paging.js';
import { isSince } from './verb-version.js';

export function pageAnswer<T>(
  exchange: Exchange,
  all: readonly T[],
  path: string,
  toWire: (item: T) => object,
): Answer {
  return answerWith(exchange, pageOf(all, exchange.query), path, toWire);
}

/** A page of a collection that is kept: with its `setId` the other pages come out of the same one. */
export function keptPageAnswer<T>(
  exchange: Exchange,
  list: () => readonly T[],
  path: string,
  toWire: (item: T) => object,
): Answer {
  const { query, world } = exchange;
  const given = query.get('setid') ?? '';
  // The path says what the items are.
  const known = world.resultSets.find(given, path) as readonly T[] | undefined;
  const all = known ?? list();
  const setId = known ? given.toLowerCase() : world.resultSets.keep(path, all);
  return answerWith(exchange, pageOf(all, query), path, toWire, setId);
}

/** v8 no longer tells how many there are in all. */
function answerWith<T>(
  exchange: Exchange,
  page: Page<T>,
  path: string,
  toWire: (item: T) => object,
  setId?: string,
): Answer {
  const total = isSince(exchange, 'v8') ? {} : { totalCount: page.total };
  return json({ ...pageToWire(exchange, page, path, toWire, setId), ...total });
}
