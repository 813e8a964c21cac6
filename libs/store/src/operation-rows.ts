import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';

import { type Orm, UniqueViolation } from './database.js';
import type { Operation, OperationAction, OperationEventContent, OperationOwner, OperationState } from './operation.js';
import { requireTransitions } from './operation-transitions.js';
import { operationEvents, operations } from './schema.js';

type Row = typeof operations.$inferSelect;
type Columns = Partial<typeof operations.$inferInsert>;

/** Which operation is meant, by its claim: one that was claimed anew since then is another one. */
export type Claimed = Pick<Operation, 'id' | 'epoch'>;

interface Move {
  readonly from: readonly OperationState[];
  readonly to: OperationState;
  readonly at: Date;
  /** Written with it; a number that grows comes as SQL. */
  readonly set?: { readonly [Name in keyof Columns]: Columns[Name] | SQL };
  readonly provided?: SQL | undefined;
}

/**
 * The one way an operation gets into another state, and the event of it.
 * @returns undefined when it is not in the state it was thought to be in, or somebody claimed it since
 * @throws InternalError for a way that there is not
 */
export async function move(orm: Orm, claimed: Claimed, { from, to, at, set, provided }: Move) {
  requireTransitions(from, to);
  return orm.transaction(async (transaction) => {
    const rows = await transaction
      .update(operations)
      .set({ ...set, state: to, lastSequence: sql`${operations.lastSequence} + 1` })
      .where(and(isClaimed(claimed, from), provided))
      .returning();
    const [row] = rows;
    if (row === undefined) return undefined;
    await addEvent(transaction, row, at, { type: 'state', state: to });
    return toOperation(row);
  });
}

/** @param row as it is with this event counted */
export async function addEvent(
  orm: Orm,
  { id, lastSequence }: Pick<Row, 'id' | 'lastSequence'>,
  time: Date,
  event: OperationEventContent,
): Promise<void> {
  await orm.insert(operationEvents).values({ operationId: id, sequence: lastSequence, time, event });
}

export function isClaimed({ id, epoch }: Claimed, states: readonly OperationState[]): SQL | undefined {
  return and(eq(operations.id, id), eq(operations.epoch, epoch), inArray(operations.state, [...states]));
}

export function ownedBy(owner: Pick<OperationOwner, 'issuer' | 'subject'>): SQL[] {
  return [eq(operations.ownerIssuer, owner.issuer), eq(operations.ownerSubject, owner.subject)];
}

/** Another operation of the same restore session is running. */
export function isBusy(error: unknown): boolean {
  return error instanceof UniqueViolation && error.constraint === 'operations_one_at_a_time';
}

export function toOperation(row: Row): Operation {
  return {
    id: row.id,
    action: row.action as OperationAction,
    state: row.state as OperationState,
    owner: { issuer: row.ownerIssuer, subject: row.ownerSubject, clientId: row.ownerClientId ?? undefined },
    principal: row.principal ?? undefined,
    isOnOwnOneDrive: row.isOnOwnOneDrive,
    organizationId: row.organizationId,
    organizationName: row.organizationName,
    backupServer: row.backupServer,
    restoreSessionId: row.restoreSessionId,
    item: row.item,
    request: row.request,
    reason: row.reason ?? undefined,
    onBehalfOf: row.onBehalfOf ?? undefined,
    credential: row.credential ?? undefined,
    fingerprint: row.fingerprint ?? undefined,
    requestId: row.requestId,
    traceId: row.traceId ?? undefined,
    sourceAddress: row.sourceAddress ?? undefined,
    upstreamSessionId: row.upstreamSessionId ?? undefined,
    requestedAt: row.requestedAt,
    startedAt: row.startedAt ?? undefined,
    endedAt: row.endedAt ?? undefined,
    outcome: row.outcome ?? undefined,
    problem: row.problem ?? undefined,
    bytes: row.bytes ?? undefined,
    sha256: row.sha256 ?? undefined,
    sentAt: row.sentAt ?? undefined,
    sentVersion: row.sentVersion ?? undefined,
    followedSessionId: row.followedSessionId ?? undefined,
    progress: row.progress ?? undefined,
    reconciliation: row.reconciliation ?? undefined,
    boundTo: row.boundTo ?? undefined,
    leaseUntil: row.leaseUntil ?? undefined,
    lastSequence: row.lastSequence,
    epoch: row.epoch,
  };
}
