import type { Exchange } from './api-version.js';
import type { Page } from './paging.js';

export interface Link {
  href: string;
}

/** Below a base, which is absolute or relative as the version has it; ids keep their case, since user ids hold base64. */
export function link(base: string, ...segments: string[]): Link {
  return { href: [base, ...segments].join('/') };
}

/** @param setId names the whole collection in links to its other pages, where the version has such ids. */
export function pageToWire<T>(
  exchange: Exchange,
  page: Page<T>,
  path: string,
  toWire: (item: T) => object,
  setId?: string,
): object {
  const { offset, limit, items, hasMore } = page;
  const others = [...exchange.query].filter(([name]) => !['limit', 'offset', 'setid'].includes(name));
  const set = setId === undefined ? {} : { setId };
  const at = (start: number): Link => {
    const query = new URLSearchParams([
      ...others,
      ...Object.entries(set),
      ['limit', String(limit)],
      ['offset', String(start)],
    ]);
    return { href: `${exchange.base}/${path}?${query.toString()}` };
  };
  return {
    offset,
    limit,
    ...set,
    _links: {
      ...(offset > 0 ? { first: at(0), prev: at(Math.max(0, offset - limit)) } : {}),
      self: at(offset),
      ...(hasMore ? { next: at(offset + limit) } : {}),
    },
    results: items.map(toWire),
  };
}
