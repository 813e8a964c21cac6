import type { Page } from '@app/veeam-client';

import type { PageRequest, PositionFormat } from '../http/cursor.js';
import { LARGEST_PAGE } from './every-page.js';

/** A place in listings that are read one after the other as if they were one. */
export interface Place {
  /** Which of them, from 0. */
  readonly part: number;
  readonly offset: number;
}

type Part<T> = (page: PageRequest) => Promise<Page<T>>;

/**
 * Reads on from a place until the page is full or there is no more; a large page of ours is several of upstream's. Every page of upstream's is taken as a whole or not at all, so nothing
 * is left out or seen twice while the listings themselves stand still.
 * @param from of another listing, or made up: what it names that is not there is empty
 */
export async function pageOfParts<T>(
  parts: readonly Part<T>[],
  { limit, after: from = { part: 0, offset: 0 } }: { readonly limit: number; readonly after: Place | undefined },
): Promise<{ items: readonly T[]; last: Place | undefined }> {
  const items: T[] = [];
  let place = from;
  for (let part = parts[place.part]; part !== undefined && items.length < limit; part = parts[place.part]) {
    const page = await part({ offset: place.offset, limit: Math.min(limit - items.length, LARGEST_PAGE) });
    items.push(...page.items);
    place =
      page.nextOffset === undefined
        ? { part: place.part + 1, offset: 0 }
        : { part: place.part, offset: page.nextOffset };
  }
  return { items, last: place.part < parts.length ? place : undefined };
}

const written = /^(\d{1,4})-(\d{1,8})$/;

export const places: PositionFormat<Place> = {
  write: ({ part, offset }) => `${part}-${offset}`,
  read: (text) => {
    const [, part, offset] = written.exec(text) ?? [];
    return part === undefined ? undefined : { part: Number(part), offset: Number(offset) };
  },
};
