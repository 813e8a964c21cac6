import type { Page } from '@app/veeam-client';

import type { PageRequest } from '../http/cursor.js';

/** Upstream's larger pages were seen to time out. */
export const LARGEST_PAGE = 250;

/** The pages of a listing up to its end; whoever has seen enough stops asking. */
export async function* everyPage<T>(read: (page: PageRequest) => Promise<Page<T>>): AsyncGenerator<readonly T[]> {
  for (let offset: number | undefined = 0; offset !== undefined;) {
    const page: Page<T> = await read({ offset, limit: LARGEST_PAGE });
    yield page.items;
    offset = page.nextOffset;
  }
}
