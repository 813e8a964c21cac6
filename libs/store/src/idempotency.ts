import { and, desc, eq, isNull, ne, type SQL, sql } from 'drizzle-orm';

import { type Orm, UniqueViolation } from './database.js';
import type { Operation, OperationOwner } from './operation.js';
import { clientOf, operations } from './schema.js';

/** By what a repeat of a request is known. The scope is the caller: issuer, subject and client. */
export type Idempotency = KeyedRequest | JoinedRequest;

/** Named by the caller: whatever comes under that name later is a repeat, for as long as the operation is kept. */
interface KeyedRequest {
  readonly key: string;
  /** Digest of what was asked. */
  readonly fingerprint: string;
}

/** Named by nothing: the same request is a repeat while the operation of the first has not ended. */
interface JoinedRequest {
  readonly key?: undefined;
  readonly fingerprint: string;
  /** The newest such operation when the request came, which had ended by then; what is newer is what it repeats, ended or not. */
  readonly after: Operation['id'] | undefined;
}

const SAME_REQUEST = 'operations_same_request';

export function idempotencyColumns(idempotency: Idempotency | undefined) {
  return { idempotencyKey: idempotency?.key ?? null, fingerprint: idempotency?.fingerprint ?? null };
}

export function byKey(owner: OperationOwner, key: string): SQL | undefined {
  return and(...ownedByClient(owner), eq(operations.idempotencyKey, key));
}

/** The one that goes on first, then from the newest on; one row. */
export function bySameRequest(orm: Orm, owner: OperationOwner, fingerprint: string) {
  return orm
    .select()
    .from(operations)
    .where(sameRequest(owner, fingerprint))
    .orderBy(sql`${operations.endedAt} is not null`, desc(operations.requestedAt), desc(operations.id))
    .limit(1);
}

/**
 * The unique indexes refuse a repeat of what goes on. This refuses one of what began and ended while the request was being decided on,
 * and comes after the insert, so that nothing can begin unseen between the two.
 * @throws UniqueViolation
 */
export async function refuseRepeat(
  orm: Orm,
  { id, owner, idempotency }: Pick<Operation, 'id' | 'owner'> & { readonly idempotency?: Idempotency | undefined },
): Promise<void> {
  if (idempotency === undefined || idempotency.key !== undefined) {
    return;
  }
  const [newest] = await orm
    .select({ id: operations.id })
    .from(operations)
    .where(and(sameRequest(owner, idempotency.fingerprint), ne(operations.id, id)))
    .orderBy(desc(operations.requestedAt), desc(operations.id))
    .limit(1);
  if (newest?.id !== idempotency.after) {
    throw new UniqueViolation(SAME_REQUEST);
  }
}

function sameRequest(owner: OperationOwner, fingerprint: string): SQL | undefined {
  return and(...ownedByClient(owner), isNull(operations.idempotencyKey), eq(operations.fingerprint, fingerprint));
}

function ownedByClient({ issuer, subject, clientId }: OperationOwner): SQL[] {
  return [
    eq(operations.ownerIssuer, issuer),
    eq(operations.ownerSubject, subject),
    eq(clientOf(operations), clientId ?? ''),
  ];
}
