import type { PrincipalFacts } from '@app/identity';
import { InternalError } from '@app/problems';
import { and, asc, desc, eq, gt, inArray, isNotNull, isNull, lt, lte, max, ne, or, sql, type SQL } from 'drizzle-orm';

import { type Ceiling, isReached, usedOf } from './ceiling.js';
import type { Orm, Statements } from './database.js';
import { byKey, bySameRequest, type Idempotency, idempotencyColumns, refuseRepeat } from './idempotency.js';
import type { Operation, OperationAction, OperationEvent, OperationOwner } from './operation.js';
import { type Claim, claimed, ended } from './operation-claims.repository.js';
import { addEvent, type Claimed, isBusy, isClaimed, move, ownedBy, toOperation } from './operation-rows.js';
import { operationEvents, operations, restoreSessions } from './schema.js';

export interface NewOperation {
  readonly id: string;
  readonly action: OperationAction;
  readonly owner: OperationOwner;
  readonly principal: PrincipalFacts;
  readonly isOnOwnOneDrive: boolean;
  readonly organizationId: string;
  readonly organizationName: string;
  readonly backupServer: string;
  readonly restoreSessionId: string;
  readonly item: Operation['item'];
  readonly request: unknown;
  readonly reason: string | undefined;
  readonly onBehalfOf: string | undefined;
  readonly credential: string | undefined;
  readonly requestId: string;
  readonly traceId: string | undefined;
  readonly sourceAddress: string | undefined;
  readonly upstreamSessionId: string;
  readonly requestedAt: Date;
  /** By what a repeat is known; absent where each request is one of its own. */
  readonly idempotency?: Idempotency | undefined;
  /** The only replica that may run it, when it holds the caller's connection or the device code. */
  readonly boundTo: string | undefined;
}

/** The record of operations, as callers add to it and read it. What replicas do with them is in `OperationClaimsRepository`. */
export class OperationsRepository {
  constructor(private readonly database: Statements) {}

  /**
   * Records an operation as `accepted`, provided its restore session is still open.
   * @returns undefined when the session has been stopped meanwhile; `over-ceiling` when the caller has had enough
   * @throws UniqueViolation when it repeats another, by its `idempotency`
   */
  async accept(operation: NewOperation, ceiling?: Ceiling): Promise<Operation | 'over-ceiling' | undefined> {
    return this.database.transaction((orm) => accept(orm, operation, ceiling));
  }

  /**
   * Records an operation and claims it at once, for actions that do not wait in the queue.
   * @param sentAt when it is sent with that; undefined when it is yet to be begun
   * @returns undefined when the session has been stopped; `busy` when another operation of the session runs
   */
  async acceptAndClaim(
    operation: NewOperation,
    claim: Claim,
    { ceiling, sentAt }: { readonly ceiling?: Ceiling | undefined; readonly sentAt?: Date | undefined } = {},
  ): Promise<Operation | 'busy' | 'over-ceiling' | undefined> {
    try {
      return await this.database.transaction(async (orm) => {
        const accepted = await accept(orm, operation, ceiling);
        if (accepted === undefined || accepted === 'over-ceiling') {
          return accepted;
        }
        return move(orm, accepted, {
          from: ['accepted'],
          to: 'submitting',
          at: claim.at,
          set: { ...claimed(claim), startedAt: claim.at, sentAt: sentAt ?? null },
        });
      });
    } catch (error) {
      if (isBusy(error)) {
        return 'busy';
      }
      throw error;
    }
  }

  /**
   * Counts a download with the length it was announced with.
   * @returns the bytes that are left of the ceiling, before this download; undefined when nothing limits them
   */
  async reserveBytes(
    operation: Operation,
    announced: number | undefined,
    ceiling: Ceiling,
  ): Promise<number | undefined> {
    const { bytes } = ceiling;
    if (bytes === undefined) {
      return undefined;
    }
    return this.database.transaction(async (orm) => {
      const used = await usedOf(orm, operation.owner, ceiling, operation);
      const left = Math.max(0, bytes - used.bytes);
      if (announced !== undefined && announced <= left) {
        await orm
          .update(operations)
          .set({ bytes: announced })
          .where(isClaimed(operation, ['submitting']));
      }
      return left;
    });
  }

  /** Ends an operation of the caller that has not started. @returns undefined when it has, or is not the caller's. */
  async cancel(operation: Claimed, owner: OperationOwner, endedAt: Date): Promise<Operation | undefined> {
    return this.database.transaction((orm) =>
      move(orm, operation, {
        ...ended({ state: 'canceled', endedAt }),
        from: ['accepted'],
        provided: and(...ownedBy(owner)),
      }),
    );
  }

  async find(id: string, owner: OperationOwner): Promise<Operation | undefined> {
    const rows = await this.database.run((orm) =>
      orm
        .select()
        .from(operations)
        .where(and(eq(operations.id, id), ...ownedBy(owner))),
    );
    return rows.map(toOperation)[0];
  }

  /** The tenant name of anybody's operation, for the audit trail. */
  async organizationOf(id: string): Promise<string | undefined> {
    const rows = await this.database.run((orm) =>
      orm.select({ name: operations.organizationName }).from(operations).where(eq(operations.id, id)),
    );
    return rows[0]?.name;
  }

  /** When an operation of these organizations was last sent, by the name of the credential it was sent with. */
  async lastUsesOfCredentials(organizationNames: readonly string[]): Promise<Map<string, Date>> {
    const rows = await this.database.run((orm) =>
      orm
        .select({ credential: operations.credential, at: max(operations.sentAt) })
        .from(operations)
        .where(
          and(
            inArray(operations.organizationName, [...organizationNames]),
            isNotNull(operations.credential),
            isNotNull(operations.sentAt),
          ),
        )
        .groupBy(operations.credential),
    );
    return new Map(
      rows.flatMap(({ credential, at }) => (credential === null || at === null ? [] : [[credential, at]])),
    );
  }

  /** What the caller began under that key. */
  async findByIdempotencyKey(owner: OperationOwner, key: string): Promise<Operation | undefined> {
    const rows = await this.database.run((orm) => orm.select().from(operations).where(byKey(owner, key)));
    return rows.map(toOperation)[0];
  }

  /** What the caller began by that request without a key: the one that goes on, if any does, else the newest. */
  async findSameRequest(owner: OperationOwner, fingerprint: string): Promise<Operation | undefined> {
    const rows = await this.database.run((orm) => bySameRequest(orm, owner, fingerprint));
    return rows.map(toOperation)[0];
  }

  /** Newest first. */
  async list(owner: OperationOwner, page: { offset: number; limit: number }): Promise<Operation[]> {
    const rows = await this.database.run((orm) =>
      orm
        .select()
        .from(operations)
        .where(and(...ownedBy(owner)))
        .orderBy(desc(operations.requestedAt), desc(operations.id))
        .offset(page.offset)
        .limit(page.limit),
    );
    return rows.map(toOperation);
  }

  /**
   * Whether another operation of the same restore session may have left the same kind of traces in it from that time on, however long ago it was
   * sent. One whose answer was lost may go on upstream.
   */
  async hasNeighbourInSession(operation: Operation, from: Date): Promise<boolean> {
    const mayGoOn = or(isNull(operations.endedAt), gt(operations.endedAt, from), eq(operations.state, 'interrupted'));
    return this.isAnyLike(operation, eq(operations.restoreSessionId, operation.restoreSessionId), mayGoOn);
  }

  /** Whether another operation was sent to the same backup server in that time which may have left the same kind of traces. */
  async hasNeighbourOnServer(operation: Operation, from: Date, to: Date): Promise<boolean> {
    const wasSentThen = and(gt(operations.sentAt, from), lt(operations.sentAt, to));
    return this.isAnyLike(operation, eq(operations.backupServer, operation.backupServer), wasSentThen);
  }

  /** The number of the last event of each of these operations, by id: where it has grown, something happened. */
  async lastSequences(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = await this.database.run((orm) =>
      orm
        .select({ id: operations.id, lastSequence: operations.lastSequence })
        .from(operations)
        // One parameter, however many they are.
        .where(sql`${operations.id} = any(${sql.param([...ids])}::uuid[])`),
    );
    return new Map(rows.map(({ id, lastSequence }) => [id, lastSequence]));
  }

  /** What happened to an operation after that event, in its order, as far as it is known here. */
  async listEvents(
    { id, lastSequence }: Pick<Operation, 'id' | 'lastSequence'>,
    afterSequence: number,
    limit: number,
  ): Promise<OperationEvent[]> {
    const rows = await this.database.run((orm) =>
      orm
        .select()
        .from(operationEvents)
        .where(
          and(
            eq(operationEvents.operationId, id),
            gt(operationEvents.sequence, afterSequence),
            lte(operationEvents.sequence, lastSequence),
          ),
        )
        .orderBy(asc(operationEvents.sequence))
        .limit(limit),
    );
    return rows.map(({ sequence, time, event: content }) => ({ sequence, time, content }));
  }

  /** Another one whose traces look the same: those that upstream gave an id of are told apart by it, and mails from restores. */
  private async isAnyLike({ id, action }: Operation, ...conditions: (SQL | undefined)[]): Promise<boolean> {
    const alike: OperationAction[] = action === 'send' ? ['send'] : ['restore', 'copy'];
    const count = await this.database.run((orm) =>
      orm.$count(
        operations,
        and(
          ne(operations.id, id),
          inArray(operations.action, alike),
          isNotNull(operations.sentAt),
          isNull(operations.followedSessionId),
          ...conditions,
        ),
      ),
    );
    return count > 0;
  }
}

async function accept(
  orm: Orm,
  operation: NewOperation,
  ceiling: Ceiling | undefined,
): Promise<Operation | 'over-ceiling' | undefined> {
  const open = await orm
    .select({ id: restoreSessions.id })
    .from(restoreSessions)
    .where(and(eq(restoreSessions.id, operation.restoreSessionId), isNull(restoreSessions.stoppedAt)))
    // Against a stop at the same moment, which locks the row before it looks for operations.
    .for('share');
  if (open.length === 0) {
    return undefined;
  }
  if (ceiling && isReached(ceiling, await usedOf(orm, operation.owner, ceiling))) {
    return 'over-ceiling';
  }
  const { owner, reason, onBehalfOf, credential, idempotency, boundTo, ...columns } = operation;
  const rows = await orm
    .insert(operations)
    .values({
      ...columns,
      state: 'accepted',
      ownerIssuer: owner.issuer,
      ownerSubject: owner.subject,
      ownerClientId: owner.clientId ?? null,
      reason: reason ?? null,
      onBehalfOf: onBehalfOf ?? null,
      credential: credential ?? null,
      ...idempotencyColumns(idempotency),
      boundTo: boundTo ?? null,
      lastSequence: 1,
    })
    .returning();
  const [row] = rows;
  if (row === undefined) throw new InternalError('An operation was not recorded.');
  await refuseRepeat(orm, operation);
  await addEvent(orm, row, operation.requestedAt, { type: 'state', state: 'accepted' });
  return toOperation(row);
}
