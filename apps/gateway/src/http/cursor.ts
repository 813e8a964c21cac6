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

/** How the place where a page begins is written into a cursor. */
export interface PositionFormat<P> {
  readonly write: (position: P) => string;
  /** Undefined for what is none: anybody can make a cursor. */
  readonly read: (text: string) => P | undefined;
}

/**
 * Opaque cursors. They hold a position and a digest of what they belong to. They are not signed, and need not be: each page is
 * authorized by itself, so a forged position shows nothing that a longer listing would not.
 */
export function encodeCursor<P>(scope: CursorScope, { write }: PositionFormat<P>, position: P): string {
  return Buffer.from(`${write(position)}.${digest(scope)}`).toString('base64url');
}

/**
 * @returns undefined without a cursor
 * @throws ValidationFailedError for a cursor of another caller or listing, or none of ours.
 */
export function decodeCursor<P>(
  scope: CursorScope,
  { read }: PositionFormat<P>,
  cursor: string | undefined,
): P | undefined {
  if (cursor === undefined) {
    return undefined;
  }
  const [text, owner, ...others] = Buffer.from(cursor, 'base64url').toString('latin1').split('.');
  const position = text === undefined ? undefined : read(text);
  if (position === undefined || owner !== digest(scope) || others.length > 0) {
    throw new ValidationFailedError([{ field: 'cursor', message: 'is not a cursor of this listing' }]);
  }
  return position;
}

function digest({ principal, listing }: CursorScope): string {
  return createHash('sha256')
    .update(JSON.stringify([principal.issuer, principal.subject, listing]))
    .digest('base64url')
    .slice(0, 22);
}
