import type { Principal } from '@app/identity';
import { ApiProperty } from '@nestjs/swagger';

import { decodeCursor, encodeCursor, type PageRequest } from './cursor.js';
import { text, WholeNumber } from './fields.js';

const DEFAULT_LIMIT = 100;
const MOST_A_PAGE = 1_000;

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
  const scope = { principal, listing };
  const limit = query.limit ?? DEFAULT_LIMIT;
  const offset = decodeCursor(scope, query.cursor);
  const { items, hasMore } = await load({ limit, offset });
  return { items, ...(hasMore ? { nextCursor: encodeCursor(scope, offset + limit) } : {}) };
}

/** For what is loaded with one item more than asked, to see whether there is another page. */
export function cut<T>(items: readonly T[], limit: number): { items: readonly T[]; hasMore: boolean } {
  return { items: items.slice(0, limit), hasMore: items.length > limit };
}
