import { badRequest } from '../world/sandbox-error.js';

const defaultLimit = 30;
const maxLimit = 10_000;

export interface Page<T> {
  readonly offset: number;
  readonly limit: number;
  readonly items: readonly T[];
  readonly hasMore: boolean;
  /** In the whole collection. */
  readonly total: number;
}

/** The part of a collection that `limit` and `offset` of the query ask for. */
export function pageOf<T>(all: readonly T[], query: ReadonlyMap<string, string>): Page<T> {
  const offset = numberOf(query, 'offset', 0);
  const limit = numberOf(query, 'limit', defaultLimit);
  if (limit < 1 || limit > maxLimit) throw badRequest(`The value of the parameter is invalid: limit`);
  const items = all.slice(offset, offset + limit);
  return { offset, limit, items, hasMore: offset + limit < all.length, total: all.length };
}

function numberOf(query: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === undefined) return fallback;
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`The value of the parameter is invalid: ${name}`);
  return Number(text);
}
