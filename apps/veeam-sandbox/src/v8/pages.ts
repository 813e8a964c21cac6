import { json, type Answer, type Exchange } from '../http/api-version.js';
import { pageToWire } from '../http/links.js';
import { pageOf } from '../http/paging.js';

export function pageAnswer<T>(
  exchange: Exchange,
  all: readonly T[],
  path: string,
  toWire: (item: T) => object,
): Answer {
  return json(pageToWire(exchange, pageOf(all, exchange.query), path, toWire));
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
  return json(pageToWire(exchange, pageOf(all, query), path, toWire, setId));
}
