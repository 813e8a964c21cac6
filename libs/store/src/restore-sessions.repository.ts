import { and, desc, eq, exists, gt, inArray, isNull, lt, ne, notExists, or, sql } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';

import { type Orm, type Statements, within } from './database.js';
import { FormerUpstreamSessionsRepository } from './former-upstream-sessions.repository.js';
import { formerUpstreamSessions, operations, restoreSessions } from './schema.js';

type Row = typeof restoreSessions.$inferSelect;

export interface SessionOwner {
  readonly issuer: string;
  readonly subject: string;
}

export interface StoredRestoreSession {
  readonly id: string;
  readonly owner: SessionOwner;
  readonly organizationId: string;
  readonly organizationName: string;
  /** The name of the server that has the organization; what upstream calls anything means something there only. */
  readonly backupServer: string;
  readonly upstreamSessionId: string;
  readonly pointInTime: Date;
  readonly showDeleted: boolean;
  readonly showAllVersions: boolean;
  readonly reason: string | undefined;
  /** For whom a service opened it, by its word. */
  readonly onBehalfOf: string | undefined;
  /** Opened for one operation, and to be stopped once that has ended. */
  readonly isForOneOperation: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly stoppedAt: Date | undefined;
}

export type NewRestoreSession = Omit<StoredRestoreSession, 'lastUsedAt' | 'stoppedAt'>;

/** Open sessions at the same time. */
export interface OpenSessionLimits {
  readonly perOwner: number;
  /** Of the server that the session is on; no limit when undefined. */
  readonly perServer: number | undefined;
}

/** Apart from other advisory locks of the application. */
const OPENING_LOCK = 7_316_003;
const SERVER_LOCK = 7_316_004;

/** Restore sessions. Every look-up names the owner: somebody else's session is not found. */
export class RestoreSessionsRepository {
  constructor(private readonly database: Statements) {}

  /** @returns false, and nothing is inserted, when the owner or the server has as many open ones */
  async insert(session: NewRestoreSession, limits: OpenSessionLimits): Promise<boolean> {
    const { owner, reason, onBehalfOf, ...columns } = session;
    return this.database.transaction(async (orm) => {
      const caller = JSON.stringify([owner.issuer, owner.subject]);
      // In a statement of its own: one that waited for the lock would go on with the snapshot from before.
      await orm.execute(sql`select pg_advisory_xact_lock(${OPENING_LOCK}, hashtext(${caller}))`);
      if (limits.perServer !== undefined) {
        await orm.execute(sql`select pg_advisory_xact_lock(${SERVER_LOCK}, hashtext(${session.backupServer}))`);
      }
      if (!(await new RestoreSessionsRepository(within(orm)).hasRoom(session, limits))) return false;
      await orm.insert(restoreSessions).values({
        ...columns,
        ownerIssuer: owner.issuer,
        ownerSubject: owner.subject,
        reason: reason ?? null,
        onBehalfOf: onBehalfOf ?? null,
        lastUsedAt: session.createdAt,
      });
      return true;
    });
  }

  async find(id: string, owner: SessionOwner): Promise<StoredRestoreSession | undefined> {
    const rows = await this.database.run((orm) =>
      orm
        .select()
        .from(restoreSessions)
        .where(and(eq(restoreSessions.id, id), ...ownedBy(owner))),
    );
    return rows.map(toSession)[0];
  }

  /** Anybody's: for the runner, which acts on operations that were authorized with their session, and for the audit trail. */
  async get(id: string): Promise<StoredRestoreSession | undefined> {
    const rows = await this.database.run((orm) => orm.select().from(restoreSessions).where(eq(restoreSessions.id, id)));
    return rows.map(toSession)[0];
  }

  /** Newest first. */
  async list(owner: SessionOwner, page: { offset: number; limit: number }): Promise<StoredRestoreSession[]> {
    const rows = await this.database.run((orm) =>
      orm
        .select()
        .from(restoreSessions)
        .where(and(...ownedBy(owner)))
        .orderBy(desc(restoreSessions.createdAt), desc(restoreSessions.id))
        .offset(page.offset)
        .limit(page.limit),
    );
    return rows.map(toSession);
  }

  /** Whether another session may be opened. */
  async hasRoom(
    { owner, backupServer }: Pick<NewRestoreSession, 'owner' | 'backupServer'>,
    { perOwner, perServer }: OpenSessionLimits,
  ): Promise<boolean> {
    return this.database.run(async (orm) => {
      const open = isNull(restoreSessions.stoppedAt);
      if ((await orm.$count(restoreSessions, and(...ownedBy(owner), open))) >= perOwner) return false;
      if (perServer === undefined) return true;
      const ofServer = eq(restoreSessions.backupServer, backupServer);
      return (await orm.$count(restoreSessions, and(ofServer, open))) < perServer;
    });
  }

  /** Those of a server's sessions that are known here: opened for somebody, now or formerly, or followed. */
  async listKnownUpstream(backupServer: string, ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    return this.database.run(async (orm) => {
      const opened = await orm
        .select({ id: restoreSessions.upstreamSessionId })
        .from(restoreSessions)
        .where(
          and(eq(restoreSessions.backupServer, backupServer), inArray(restoreSessions.upstreamSessionId, [...ids])),
        );
      const former = await orm
        .select({ id: formerUpstreamSessions.id })
        .from(formerUpstreamSessions)
        .where(
          and(eq(formerUpstreamSessions.backupServer, backupServer), inArray(formerUpstreamSessions.id, [...ids])),
        );
      const followed = await orm
        .select({ id: operations.followedSessionId })
        .from(operations)
        .where(and(eq(operations.backupServer, backupServer), inArray(operations.followedSessionId, [...ids])));
      return [...opened, ...former, ...followed].flatMap(({ id }) => (id === null ? [] : [id]));
    });
  }

  /** Whether anybody's session on a server is open, may still run there, or anybody's operation is not at its end. */
  async isAnythingOpen(backupServer: string): Promise<boolean> {
    return this.database.run(async (orm) => {
      const on = (table: { backupServer: AnyPgColumn }) => eq(table.backupServer, backupServer);
      const live = inArray(operations.state, ['accepted', 'submitting', 'following']);
      return (
        (await orm.$count(restoreSessions, and(on(restoreSessions), isNull(restoreSessions.stoppedAt)))) > 0 ||
        (await orm.$count(
          formerUpstreamSessions,
          and(on(formerUpstreamSessions), isNull(formerUpstreamSessions.endedAt)),
        )) > 0 ||
        (await orm.$count(operations, and(on(operations), live))) > 0
      );
    });
  }

  /** A use that is told of late leaves a later one as it is. */
  async touch(id: string, usedAt: Date): Promise<void> {
    await this.database.run((orm) =>
      orm
        .update(restoreSessions)
        .set({ lastUsedAt: usedAt })
        .where(and(eq(restoreSessions.id, id), lt(restoreSessions.lastUsedAt, usedAt))),
    );
  }

  /**
   * Marks a session stopped unless an operation still needs it, and upstream's as to be stopped.
   * @param unreconciledSince an operation interrupted since then needs it as long as nobody found out what became of it
   * @returns false when an operation needs it, or the session was stopped already.
   */
  async stop(id: string, stoppedAt: Date, unreconciledSince: Date): Promise<boolean> {
    return this.database.transaction(async (orm) => {
      // The lock comes in a statement of its own: one that waited for an operation being recorded would otherwise go
      // on with the snapshot from before, and not see it.
      await orm
        .select({ id: restoreSessions.id })
        .from(restoreSessions)
        .where(eq(restoreSessions.id, id))
        .for('update');
      const [stopped] = await orm
        .update(restoreSessions)
        .set({ stoppedAt })
        .where(and(eq(restoreSessions.id, id), isNull(restoreSessions.stoppedAt), isUnneeded(orm, unreconciledSince)))
        .returning();
      if (stopped === undefined) return false;
      await leave(orm, stopped, { leftAt: stoppedAt, endedAt: undefined });
      return true;
    });
  }

  /**
   * Marks a session stopped whose upstream session has ended by itself, whatever the operations say.
   * @returns false when it was stopped already, or goes by another upstream session meanwhile
   */
  async markEnded({ id, upstreamSessionId }: StoredRestoreSession, stoppedAt: Date): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .update(restoreSessions)
        .set({ stoppedAt })
        .where(goesBy(id, upstreamSessionId))
        .returning({ id: restoreSessions.id }),
    );
    return rows.length === 1;
  }

  /**
   * Has an open session go by another upstream session, its own having ended.
   * @returns false when it was stopped, or goes by a third one already: then the new one is one too many
   */
  async replaceUpstream(
    { id, upstreamSessionId }: StoredRestoreSession,
    newUpstreamSessionId: string,
    at: Date,
  ): Promise<boolean> {
    return this.database.transaction(async (orm) => {
      const [replaced] = await orm
        .update(restoreSessions)
        .set({ upstreamSessionId: newUpstreamSessionId })
        .where(goesBy(id, upstreamSessionId))
        .returning();
      if (replaced === undefined) return false;
      await leave(orm, { ...replaced, upstreamSessionId }, { leftAt: at, endedAt: at });
      return true;
    });
  }

  /** Open sessions that no operation needs and nobody used since `usedBefore`, or whose only operation is over. */
  async listIdle(usedBefore: Date, unreconciledSince: Date, limit: number): Promise<StoredRestoreSession[]> {
    const rows = await this.database.run((orm) =>
      orm
        .select()
        .from(restoreSessions)
        .where(
          and(
            isNull(restoreSessions.stoppedAt),
            or(lt(restoreSessions.lastUsedAt, usedBefore), and(restoreSessions.isForOneOperation, hadOperation(orm))),
            isUnneeded(orm, unreconciledSince),
          ),
        )
        .limit(limit),
    );
    return rows.map(toSession);
  }
}

function hadOperation(orm: Orm) {
  return exists(
    orm
      .select({ one: sql`1` })
      .from(operations)
      .where(eq(operations.restoreSessionId, restoreSessions.id)),
  );
}

/** Still open, and by that upstream session. */
function goesBy(id: string, upstreamSessionId: string) {
  return and(
    eq(restoreSessions.id, id),
    eq(restoreSessions.upstreamSessionId, upstreamSessionId),
    isNull(restoreSessions.stoppedAt),
  );
}

function leave(
  orm: Orm,
  { id: restoreSessionId, upstreamSessionId: id, organizationName, backupServer }: Row,
  times: { leftAt: Date; endedAt: Date | undefined },
): Promise<void> {
  const former = { backupServer, id, restoreSessionId, organizationName, ...times };
  return new FormerUpstreamSessionsRepository(within(orm)).add(former);
}

/** Neither queued nor running nor, for a while, interrupted without anybody knowing what became of it. */
function isUnneeded(orm: Orm, unreconciledSince: Date) {
  return notExists(
    orm
      .select({ one: sql`1` })
      .from(operations)
      .where(
        and(
          eq(operations.restoreSessionId, restoreSessions.id),
          or(
            inArray(operations.state, ['accepted', 'submitting', 'following']),
            and(
              eq(operations.state, 'interrupted'),
              isNull(operations.reconciliation),
              // Nobody is harmed by a download that was done or not.
              ne(operations.action, 'save'),
              gt(operations.endedAt, unreconciledSince),
            ),
          ),
        ),
      ),
  );
}

function ownedBy(owner: SessionOwner) {
  return [eq(restoreSessions.ownerIssuer, owner.issuer), eq(restoreSessions.ownerSubject, owner.subject)];
}

function toSession(row: Row): StoredRestoreSession {
  const { ownerIssuer, ownerSubject, reason, onBehalfOf, stoppedAt, ...rest } = row;
  return {
    ...rest,
    owner: { issuer: ownerIssuer, subject: ownerSubject },
    reason: reason ?? undefined,
    onBehalfOf: onBehalfOf ?? undefined,
    stoppedAt: stoppedAt ?? undefined,
  };
}
