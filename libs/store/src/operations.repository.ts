import type { PrincipalFacts } from '@app/identity';
import { and, desc, eq, gt, inArray, isNull, lt, lte, or, sql, type SQL } from 'drizzle-orm';

import { type Ceiling, isReached, usedOf } from './ceiling.js';
import { type Statements, type Orm, UniqueViolation } from './database.js';
import type {
  FinalOperationState,
  Operation,
  OperationAction,
  OperationOutcome,
  OperationOwner,
  OperationProblem,
  OperationState,
} from './operation.js';
import { operations, restoreSessions } from './schema.js';

type Row = typeof operations.$inferSelect;

export interface NewOperation {
  readonly id: string;
  readonly action: OperationAction;
  readonly owner: OperationOwner;
  readonly principal: PrincipalFacts;
  readonly isOnOwnOneDrive: boolean;
  readonly organizationId: string;
  readonly organizationName: string;
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
  /** The only replica that may run it, when it holds the caller's connection or the device code. */
  readonly boundTo: string | undefined;
}

/** Who runs an operation, from when and until when unless renewed. */
export interface Claim {
  readonly replica: string;
  readonly at: Date;
  readonly leaseUntil: Date;
}

export interface OperationEnd {
  readonly state: FinalOperationState;
  readonly endedAt: Date;
  readonly outcome?: OperationOutcome | undefined;
  readonly problem?: OperationProblem | undefined;
  readonly bytes?: number | undefined;
  readonly sha256?: string | undefined;
}

/** The queue and the record of operations. After a claim every write is guarded by the claim's epoch. */
export class OperationsRepository {
  constructor(private readonly database: Statements) {}

  /**
   * Records an operation as `accepted`, provided its restore session is still open.
   * @returns undefined when the session has been stopped meanwhile; `over-ceiling` when the caller has had enough
   */
  async accept(operation: NewOperation, ceiling?: Ceiling): Promise<Operation | 'over-ceiling' | undefined> {
    return this.database.transaction((orm) => accept(orm, operation, ceiling));
  }

  /**
   * Records an operation and claims it at once, for actions that do not wait in the queue.
   * @returns undefined when the session has been stopped; `busy` when another operation of the session runs
   */
  async acceptAndClaim(
    operation: NewOperation,
    claim: Claim,
    ceiling?: Ceiling,
  ): Promise<Operation | 'busy' | 'over-ceiling' | undefined> {
    try {
      return await this.database.transaction(async (orm) => {
        const accepted = await accept(orm, operation, ceiling);
        if (accepted === undefined || accepted === 'over-ceiling') {
          return accepted;
        }
        const rows = await orm
          .update(operations)
          .set(claimed(claim))
          .where(eq(operations.id, operation.id))
          .returning();
        return rows.map(toOperation)[0];
      });
    } catch (error) {
      if (isBusy(error)) {
        return 'busy';
      }
      throw error;
    }
  }

  /** Claims the oldest operation this replica may run and whose session is free; undefined when there is none. */
  async claimNext(claim: Claim, queuedAfter: Date): Promise<Operation | undefined> {
    const sessionIsBusy = sql`exists (select 1 from ${operations} as other where other.restore_session_id = ${operations.restoreSessionId} and other.state in ('submitting', 'following'))`;
    try {
      return await this.database.run(async (orm) => {
        const next = orm
          .select({ id: operations.id })
          .from(operations)
          .where(
            and(
              eq(operations.state, 'accepted'),
              gt(operations.requestedAt, queuedAfter),
              or(isNull(operations.runAfter), lte(operations.runAfter, claim.at)),
              or(isNull(operations.boundTo), eq(operations.boundTo, claim.replica)),
              sql`not ${sessionIsBusy}`,
            ),
          )
          .orderBy(operations.requestedAt)
          .limit(1)
          .for('update', { skipLocked: true });
        const rows = await orm
          .update(operations)
          .set(claimed(claim))
          // `=`, which asks once: by `in` the planner may ask again for each row, and claim a second one.
          .where(and(eq(operations.id, next), eq(operations.state, 'accepted')))
          .returning();
        return rows.map(toOperation)[0];
      });
    } catch (error) {
      if (isBusy(error)) {
        // Another replica took an operation of the same session between our look and our claim.
        return undefined;
      }
      throw error;
    }
  }

  /** @returns false when the claim is no longer ours: nothing more may be done for the operation. */
  async renewLease(id: string, epoch: number, leaseUntil: Date): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm.update(operations).set({ leaseUntil }).where(running(id, epoch)).returning({ id: operations.id }),
    );
    return rows.length === 1;
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
        await orm.update(operations).set({ bytes: announced }).where(running(operation.id, operation.epoch));
      }
      return left;
    });
  }

  /**
   * Gives a claimed operation back to the queue, of which nothing has gone upstream.
   * @returns false when the claim is no longer ours
   */
  async release(id: string, epoch: number, runAfter: Date): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .update(operations)
        .set({ state: 'accepted', startedAt: null, leaseUntil: null, runAfter })
        .where(and(running(id, epoch), eq(operations.state, 'submitting')))
        .returning({ id: operations.id }),
    );
    return rows.length === 1;
  }

  /** Ends a claimed operation. @returns undefined when the claim is no longer ours: nothing was written. */
  async end(id: string, epoch: number, end: OperationEnd): Promise<Operation | undefined> {
    return this.endWhere(running(id, epoch), end);
  }

  /** Ends an operation of the caller that has not started. @returns undefined when it has, or is not the caller's. */
  async cancel(id: string, owner: OperationOwner, endedAt: Date): Promise<Operation | undefined> {
    return this.endWhere(and(eq(operations.id, id), eq(operations.state, 'accepted'), ...ownedBy(owner)), {
      state: 'canceled',
      endedAt,
    });
  }

  /** What was claimed by replicas that no longer renew their lease. */
  async listAbandoned(now: Date): Promise<Operation[]> {
    return this.listWhere(abandoned(now));
  }

  /** Ends as `interrupted` what was abandoned. @returns undefined when it is no longer */
  async interruptAbandoned(
    { id, epoch }: Pick<Operation, 'id' | 'epoch'>,
    now: Date,
    problem: OperationProblem,
  ): Promise<Operation | undefined> {
    return this.endWhere(and(running(id, epoch), abandoned(now)), {
      state: 'interrupted',
      endedAt: now,
      problem,
    });
  }

  /** What has waited in the queue since before `queuedBefore`. */
  async listOverdue(queuedBefore: Date): Promise<Operation[]> {
    return this.listWhere(and(eq(operations.state, 'accepted'), lt(operations.requestedAt, queuedBefore)));
  }

  /** Ends as `failed` what still waits. @returns undefined when it no longer does */
  async failOverdue(
    { id }: Pick<Operation, 'id'>,
    now: Date,
    problem: OperationProblem,
  ): Promise<Operation | undefined> {
    return this.endWhere(and(eq(operations.id, id), eq(operations.state, 'accepted')), {
      state: 'failed',
      endedAt: now,
      problem,
    });
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

  private async listWhere(condition: SQL | undefined): Promise<Operation[]> {
    const rows = await this.database.run((orm) => orm.select().from(operations).where(condition));
    return rows.map(toOperation);
  }

  /** @param condition that one operation fulfils at most */
  private async endWhere(condition: SQL | undefined, end: OperationEnd): Promise<Operation | undefined> {
    const rows = await this.database.run((orm) =>
      orm
        .update(operations)
        .set({
          state: end.state,
          endedAt: end.endedAt,
          outcome: end.outcome ?? null,
          problem: end.problem ?? null,
          bytes: end.bytes ?? null,
          sha256: end.sha256 ?? null,
          leaseUntil: null,
          request: {},
          principal: null,
        })
        .where(condition)
        .returning(),
    );
    return rows.map(toOperation)[0];
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
  const { owner, reason, onBehalfOf, credential, boundTo, ...columns } = operation;
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
      boundTo: boundTo ?? null,
    })
    .returning();
  return rows.map(toOperation)[0];
}

function claimed(claim: Claim) {
  return {
    state: 'submitting',
    startedAt: claim.at,
    leaseUntil: claim.leaseUntil,
    epoch: sql`${operations.epoch} + 1`,
  };
}

function running(id: string, epoch: number) {
  return and(
    eq(operations.id, id),
    eq(operations.epoch, epoch),
    inArray(operations.state, ['submitting', 'following']),
  );
}

function abandoned(now: Date) {
  return and(inArray(operations.state, ['submitting', 'following']), lt(operations.leaseUntil, now));
}

function ownedBy(owner: Pick<OperationOwner, 'issuer' | 'subject'>) {
  return [eq(operations.ownerIssuer, owner.issuer), eq(operations.ownerSubject, owner.subject)];
}

function isBusy(error: unknown): boolean {
  return error instanceof UniqueViolation && error.constraint === 'operations_one_at_a_time';
}

function toOperation(row: Row): Operation {
  return {
    id: row.id,
    action: row.action as OperationAction,
    state: row.state as OperationState,
    owner: { issuer: row.ownerIssuer, subject: row.ownerSubject, clientId: row.ownerClientId ?? undefined },
    principal: row.principal ?? undefined,
    isOnOwnOneDrive: row.isOnOwnOneDrive,
    organizationId: row.organizationId,
    organizationName: row.organizationName,
    restoreSessionId: row.restoreSessionId,
    item: row.item,
    request: row.request,
    reason: row.reason ?? undefined,
    onBehalfOf: row.onBehalfOf ?? undefined,
    credential: row.credential ?? undefined,
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
    epoch: row.epoch,
  };
}
