import { and, asc, eq, gt, inArray, isNotNull, isNull, lt, lte, or, sql, type SQL } from 'drizzle-orm';

import type { Statements } from './database.js';
import type {
  FinalOperationState,
  LastProgress,
  Operation,
  OperationOutcome,
  OperationProblem,
  OperationProgress,
  OperationReconciliation,
} from './operation.js';
import { addEvent, type Claimed, isBusy, isClaimed, move, toOperation } from './operation-rows.js';
import { requireTransitions } from './operation-transitions.js';
import { operations } from './schema.js';

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

export interface ClaimLimits {
  /** Operations that have waited longer are left to fail. */
  readonly queuedAfter: Date;
  /** Restores, copies and mails of one organization that run at the same time, on all replicas; replicas that claim at the same moment may exceed it. */
  readonly perOrganization: number;
  /** The same of a server, by its name, where it has a limit of its own: never exceeded by what is claimed from the queue. */
  readonly perServer: ReadonlyMap<string, number>;
}

/** First key of the advisory locks under which the operations of a limited server are claimed one by one; the second is its name. */
const SERVER_LOCK = 7_316_005;

const RUNNING = ['submitting', 'following'] as const;

/** What replicas do with operations: each write names the claim that it is made under, and is not made when that was lost. */
export class OperationClaimsRepository {
  constructor(private readonly database: Statements) {}

  /**
   * Claims the oldest operation this replica may run, whose session is free and whose organization and server have room; undefined when
   * there is none.
   */
  async claimNext(
    claim: Claim,
    { queuedAfter, perOrganization, perServer }: ClaimLimits,
  ): Promise<Operation | undefined> {
    requireTransitions(['accepted'], 'submitting');
    const others = sql`select 1 from ${operations} as other where other.state in ('submitting', 'following')`;
    const sessionIsBusy = sql`exists (${others} and other.restore_session_id = ${operations.restoreSessionId})`;
    const { organizationId, backupServer } = operations;
    // Downloads have limits of their own. Ids of organizations are a server's own.
    const beside = sql`${others} and other.action <> 'save' and other.backup_server = ${backupServer}`;
    const organizationIsFull = sql`(select count(*) from (${beside} and other.organization_id = ${organizationId}) as running) >= ${perOrganization}`;
    const serverIsFull = [...perServer].map(
      ([name, most]) => sql`(${backupServer} = ${name} and (select count(*) from (${beside}) as running) >= ${most})`,
    );
    try {
      return await this.database.transaction(async (orm) => {
        // Always in the same order. What others have claimed under a lock is seen by whoever gets it next.
        for (const name of [...perServer.keys()].sort()) {
          await orm.execute(sql`select pg_advisory_xact_lock(${SERVER_LOCK}, hashtext(${name}))`);
        }
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
              sql`not ${organizationIsFull}`,
              ...serverIsFull.map((isFull) => sql`not ${isFull}`),
            ),
          )
          .orderBy(operations.requestedAt)
          .limit(1)
          .for('update', { skipLocked: true });
        const rows = await orm
          .update(operations)
          .set({ ...claimed(claim), state: 'submitting', startedAt: claim.at })
          // `=`, which asks once: by `in` the planner may ask again for each row, and claim a second one.
          .where(and(eq(operations.id, next), eq(operations.state, 'accepted')))
          .returning();
        const [row] = rows;
        if (row === undefined) return undefined;
        await addEvent(orm, row, claim.at, { type: 'state', state: 'submitting' });
        return toOperation(row);
      });
    } catch (error) {
      // Another replica took an operation of the same session between our look and our claim.
      if (isBusy(error)) return undefined;
      throw error;
    }
  }

  /** Claims an operation that upstream goes on with and whose replica gave no sign of life; undefined when there is none. */
  async takeOver(claim: Claim): Promise<Operation | undefined> {
    const [abandoned] = await this.listWhere(and(eq(operations.state, 'following'), leaseIsOver(claim.at)), 1);
    return (
      abandoned &&
      this.database.transaction((orm) =>
        move(orm, abandoned, {
          from: ['following'],
          to: 'following',
          at: claim.at,
          set: claimed(claim),
          provided: leaseIsOver(claim.at),
        }),
      )
    );
  }

  /** @returns false when the claim is no longer ours: nothing more may be done for the operation. */
  async renewLease(operation: Claimed, leaseUntil: Date): Promise<boolean> {
    return this.write(operation, RUNNING, { leaseUntil });
  }

  /**
   * From here on it may have been done, in the upstream session and by the API version that the operation names.
   * @returns false when the claim is no longer ours: nothing may be sent
   */
  async beginSending(
    operation: Claimed & Pick<Operation, 'upstreamSessionId' | 'sentVersion'>,
    sentAt: Date,
    leaseUntil: Date,
  ): Promise<boolean> {
    const { upstreamSessionId, sentVersion } = operation;
    return this.write(operation, ['submitting'], {
      sentAt,
      sentVersion: sentVersion ?? null,
      leaseUntil,
      ...(upstreamSessionId !== undefined && { upstreamSessionId }),
    });
  }

  /**
   * Gives an operation back to the queue of which provably nothing took effect upstream.
   * @returns undefined when the claim is no longer ours
   */
  async release(operation: Claimed, at: Date, runAfter: Date): Promise<Operation | undefined> {
    return this.database.transaction((orm) =>
      move(orm, operation, {
        from: ['submitting'],
        to: 'accepted',
        at,
        set: { startedAt: null, leaseUntil: null, sentAt: null, sentVersion: null, runAfter },
      }),
    );
  }

  /** @returns undefined when the claim is no longer ours */
  async follow(operation: Claimed, at: Date, followedSessionId: string): Promise<Operation | undefined> {
    return this.database.transaction((orm) =>
      move(orm, operation, { from: ['submitting'], to: 'following', at, set: { followedSessionId } }),
    );
  }

  /** Lets any replica take over at once. */
  async handOver(operation: Claimed, now: Date): Promise<void> {
    await this.write(operation, ['following'], { leaseUntil: now });
  }

  /**
   * An event without a change of state.
   * @param last what it adds up to with all before
   * @returns false when the claim is no longer ours
   */
  async addProgress(operation: Claimed, at: Date, progress: OperationProgress, last: LastProgress): Promise<boolean> {
    return this.database.transaction(async (orm) => {
      const [row] = await orm
        .update(operations)
        .set({ progress: last, lastSequence: sql`${operations.lastSequence} + 1` })
        .where(isClaimed(operation, RUNNING))
        .returning();
      if (row === undefined) return false;
      await addEvent(orm, row, at, { type: 'progress', ...progress });
      return true;
    });
  }

  /** Ends an operation that is claimed. @returns undefined when the claim is no longer ours: nothing was written. */
  async end(operation: Claimed, end: OperationEnd): Promise<Operation | undefined> {
    const from = end.state === 'canceled' ? [] : RUNNING;
    return this.endFrom(operation, from, end);
  }

  /** Claimed by replicas that no longer renew their lease, and not to be followed. */
  async listAbandoned(now: Date): Promise<Operation[]> {
    return this.listWhere(and(eq(operations.state, 'submitting'), leaseIsOver(now)));
  }

  /** Gives back to the queue what was abandoned before anything was sent. @returns undefined when it is no longer so */
  async requeueAbandoned(operation: Claimed, now: Date): Promise<Operation | undefined> {
    return this.database.transaction((orm) =>
      move(orm, operation, {
        from: ['submitting'],
        to: 'accepted',
        at: now,
        set: { startedAt: null, leaseUntil: null, runAfter: null },
        provided: and(leaseIsOver(now), isNull(operations.sentAt)),
      }),
    );
  }

  /** Ends as `interrupted` what was abandoned. @returns undefined when it is no longer */
  async interruptAbandoned(operation: Claimed, now: Date, problem: OperationProblem): Promise<Operation | undefined> {
    return this.endFrom(operation, ['submitting'], { state: 'interrupted', endedAt: now, problem }, leaseIsOver(now));
  }

  /** What has waited in the queue since before `queuedBefore`. */
  async listOverdue(queuedBefore: Date): Promise<Operation[]> {
    return this.listWhere(and(eq(operations.state, 'accepted'), lt(operations.requestedAt, queuedBefore)));
  }

  /** Ends as `failed` what still waits. @returns undefined when it no longer does */
  async failWaiting(operation: Claimed, now: Date, problem: OperationProblem): Promise<Operation | undefined> {
    return this.endFrom(operation, ['accepted'], { state: 'failed', endedAt: now, problem });
  }

  /** Interrupted on a server since then, and nobody knows more yet; oldest first. */
  async listUnreconciled(backupServer: string, endedAfter: Date): Promise<Operation[]> {
    return this.listWhere(
      and(
        eq(operations.state, 'interrupted'),
        isNull(operations.reconciliation),
        eq(operations.backupServer, backupServer),
        gt(operations.endedAt, endedAfter),
      ),
      100,
    );
  }

  /** Appends what was found out of an interrupted operation, once. @returns false when somebody had */
  async reconcile({ id, epoch }: Claimed, reconciliation: OperationReconciliation): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .update(operations)
        .set({ reconciliation })
        .where(and(isClaimed({ id, epoch }, ['interrupted']), isNull(operations.reconciliation)))
        .returning({ id: operations.id }),
    );
    return rows.length === 1;
  }

  private async write(
    operation: Claimed,
    states: readonly (typeof RUNNING)[number][],
    columns: Partial<typeof operations.$inferInsert>,
  ): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm.update(operations).set(columns).where(isClaimed(operation, states)).returning({ id: operations.id }),
    );
    return rows.length === 1;
  }

  private async listWhere(condition: SQL | undefined, limit = 1_000): Promise<Operation[]> {
    const rows = await this.database.run((orm) =>
      orm.select().from(operations).where(condition).orderBy(asc(operations.requestedAt)).limit(limit),
    );
    return rows.map(toOperation);
  }

  private async endFrom(
    operation: Claimed,
    from: readonly Operation['state'][],
    end: OperationEnd,
    provided?: SQL,
  ): Promise<Operation | undefined> {
    return this.database.transaction((orm) => move(orm, operation, { ...ended(end), from, provided }));
  }
}

/** What is written of every end; what was asked for, mail texts included, and who asked is needed no longer. */
export function ended({ state, endedAt, outcome, problem, bytes, sha256 }: OperationEnd) {
  return {
    to: state,
    at: endedAt,
    set: {
      endedAt,
      outcome: outcome ?? null,
      problem: problem ?? null,
      bytes: bytes ?? null,
      sha256: sha256 ?? null,
      leaseUntil: null,
      request: {},
      principal: null,
    },
  };
}

/** Of a claim, whatever it claims. */
export function claimed({ leaseUntil }: Claim) {
  return { leaseUntil, epoch: sql`${operations.epoch} + 1`, lastSequence: sql`${operations.lastSequence} + 1` };
}

function leaseIsOver(now: Date): SQL | undefined {
  return and(isNotNull(operations.leaseUntil), lt(operations.leaseUntil, now), inArray(operations.state, [...RUNNING]));
}
