import type { Principal } from '@app/identity';
import { ApiProperty } from '@nestjs/swagger';

import { decodeCursor, encodeCursor, type PageRequest, type PositionFormat } from './cursor.js';
import { text, WholeNumber } from './fields.js';

const DEFAULT_LIMIT = 100;
const MOST_A_PAGE = 1_000;

/** Highest offset that is passed on: far above any listing, and safe as a 32-bit integer upstream. */
const MOST_ITEMS = 10_000_000;

export class ListQuery {
  @WholeNumber(1, MOST_A_PAGE, { description: 'Most items a page has.', default: DEFAULT_LIMIT })
  readonly limit?: number;

  @text(
    { description: '`nextCursor` of the page before.', optional: true },
    /^[A-Za-z0-9_-]{1,200}$/,
    'must be the nextCursor of another page',
  )
  readonly cursor?: string;
}

/** A page of a list. It may be empty and still have a next. */
export interface PageDto<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** The schema of a `PageDto` of one item type, for the OpenAPI document. */
export function pageDtoOf<T>(itemType: new (...args: never[]) => T) {
  class Page {
    @ApiProperty({ type: [itemType] })
    readonly items!: readonly T[];

    @ApiProperty({ required: false, description: 'Asks for the next page; absent on the last.' })
    readonly nextCursor?: string;
  }
  Object.defineProperty(Page, 'name', { value: `${itemType.name.replace(/Dto$/, '')}PageDto` });
  return Page;
}

/**
 * Reads one page of a listing by cursor.
 * @param listing names the listing with its ids and filters; a cursor of another one is refused
 * @param load reads a page; `hasMore` may be wrong once, at the end
 */
export async function readPage<T>(
  principal: Principal,
  listing: string,
  query: ListQuery,
  load: (page: PageRequest) => Promise<{ items: readonly T[]; hasMore: boolean }>,
): Promise<PageDto<T>> {
  return readPageAfter(principal, listing, query, offsets, async ({ limit, after: offset = 0 }) => {
    const { items, hasMore } = await load({ limit, offset });
    return { items, last: hasMore ? offset + limit : undefined };
  });
}

/**
 * As `readPage`, for listings that page by what an item is and not by how many come before it: whatever comes or goes meanwhile,
 * nothing is seen twice or left out.
 * @param load reads the page after a position, from the beginning without one; `last` is where it ended, unless there is no more
 */
export async function readPageAfter<T, P>(
  principal: Principal,
  listing: string,
  query: ListQuery,
  format: PositionFormat<P>,
  load: (page: { limit: number; after: P | undefined }) => Promise<{ items: readonly T[]; last: P | undefined }>,
): Promise<PageDto<T>> {
  const scope = { principal, listing };
  const after = decodeCursor(scope, format, query.cursor);
  const { items, last } = await load({ limit: query.limit ?? DEFAULT_LIMIT, after });
  return { items, ...(last === undefined ? {} : { nextCursor: encodeCursor(scope, format, last) }) };
}

/** For listings that page by how many items come before. */
export const offsets: PositionFormat<number> = {
  write: String,
  read: (text) => (/^\d{1,8}$/.test(text) && Number(text) <= MOST_ITEMS ? Number(text) : undefined),
};

/** For what is loaded with one item more than asked, to see whether there is another page. */
export function cut<T>(items: readonly T[], limit: number): { items: readonly T[]; hasMore: boolean } {
  return { items: items.slice(0, limit), hasMore: items.length > limit };
}
