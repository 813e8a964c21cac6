import { and, eq, gt, ne, sql } from 'drizzle-orm';

import type { Orm } from './database.js';
import type { Operation, OperationOwner } from './operation.js';
import { operations } from './schema.js';

/** What a caller may have asked for since a moment, of OneDrives that are not the own ones; counted over all replicas. */
export interface Ceiling {
  readonly since: Date;
  /** Operations, canceled ones left out; no limit when absent. */
  readonly actions: number | undefined;
  /** Bytes of downloads, those that run with the length they were announced with; no limit when absent. */
  readonly bytes: number | undefined;
}

/** Apart from other advisory locks of the application. */
const CEILING_LOCK = 7_316_002;

interface Used {
  readonly actions: number;
  readonly bytes: number;
}

/** What counts against the ceiling so far. Whoever asks for the same caller meanwhile waits for the end of the transaction. */
export async function usedOf(
  orm: Orm,
  owner: Pick<OperationOwner, 'issuer' | 'subject'>,
  { since }: Ceiling,
  besides?: Pick<Operation, 'id'>,
): Promise<Used> {
  const caller = JSON.stringify([owner.issuer, owner.subject]);
  // In a statement of its own: one that waited for the lock would go on with the snapshot from before.
  await orm.execute(sql`select pg_advisory_xact_lock(${CEILING_LOCK}, hashtext(${caller}))`);
  const [used] = await orm
    .select({
      actions: sql<number>`count(*)::int`,
      bytes: sql<number>`coalesce(sum(${operations.bytes}), 0)::float8`,
    })
    .from(operations)
    .where(
      and(
        eq(operations.ownerIssuer, owner.issuer),
        eq(operations.ownerSubject, owner.subject),
        eq(operations.isOnOwnOneDrive, false),
        gt(operations.requestedAt, since),
        ne(operations.state, 'canceled'),
        besides && ne(operations.id, besides.id),
      ),
    );
  return used ?? { actions: 0, bytes: 0 };
}

export function isReached({ actions, bytes }: Ceiling, used: Used): boolean {
  return (actions !== undefined && used.actions >= actions) || (bytes !== undefined && used.bytes >= bytes);
}
