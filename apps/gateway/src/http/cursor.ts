import { createHash } from 'node:crypto';

import type { Principal } from '@app/identity';
import { ValidationFailedError } from '@app/problems';

/** What a cursor belongs to; one made for anything else is refused. */
export interface CursorScope {
  readonly principal: Principal;
  /** Route and filters, ids included. */
  readonly listing: string;
}

export interface PageRequest {
  /** 1 to 1,000. */
  readonly limit: number;
  readonly offset: number;
}

/** Highest offset that is passed on: far above any listing, and safe as a 32-bit integer upstream. */
const MOST_ITEMS = 10_000_000;

/**
 * Opaque cursors. They hold an offset and a digest of what they belong to. They are not signed, and need not be: each page is
 * authorized by itself, so a forged offset shows nothing that a longer listing would not.
 */
export function encodeCursor(scope: CursorScope, offset: number): string {
  return Buffer.from(`${offset}.${digest(scope)}`).toString('base64url');
}

/** @throws ValidationFailedError for a cursor of another caller or listing, or none of ours. */
export function decodeCursor(scope: CursorScope, cursor: string | undefined): number {
  if (cursor === undefined) {
    return 0;
  }
  const [offset, owner] = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  if (offset === undefined || !/^\d{1,8}$/.test(offset) || Number(offset) > MOST_ITEMS || owner !== digest(scope)) {
    throw new ValidationFailedError([{ field: 'cursor', message: 'is not a cursor of this listing' }]);
  }
  return Number(offset);
}

function digest({ principal, listing }: CursorScope): string {
  return createHash('sha256')
    .update(JSON.stringify([principal.issuer, principal.subject, listing]))
    .digest('base64url')
    .slice(0, 22);
}
