import { and, desc, eq, gte, inArray, isNull, lte, notInArray, type SQL, sql } from 'drizzle-orm';

import type { Statements } from './database.js';
import { formerUpstreamSessions } from './schema.js';

/** Ids are a server's own: another may use the same. */
export interface UpstreamSessionRef {
  readonly backupServer: string;
  /** Upstream's. */
  readonly id: string;
}

export interface FormerUpstreamSession extends UpstreamSessionRef {
  /** Undefined when it was opened for a restore session that was not recorded then. */
  readonly restoreSessionId: string | undefined;
  readonly organizationName: string;
  readonly leftAt: Date;
  /** When upstream said that it has ended; undefined: it is to be told to stop. */
  readonly endedAt: Date | undefined;
}

/** One that this replica tells to stop now. */
export interface ClaimedUpstreamSession extends Omit<FormerUpstreamSession, 'leftAt' | 'endedAt'> {
  /** Including this one. Guards every write after the claim. */
  readonly attempts: number;
}

/** Upstream's sessions that are no longer in use, and which of them have ended for certain. */
export class FormerUpstreamSessionsRepository {
  constructor(private readonly database: Statements) {}

  /** To be told to stop at once, by any replica, unless it has ended. One that is there already stays as it is. */
  async add(session: FormerUpstreamSession): Promise<void> {
    const { restoreSessionId, endedAt, ...columns } = session;
    await this.database.run((orm) =>
      orm
        .insert(formerUpstreamSessions)
        .values({
          ...columns,
          restoreSessionId: restoreSessionId ?? null,
          dueAt: session.leftAt,
          endedAt: endedAt ?? null,
        })
        .onConflictDoNothing(),
    );
  }

  /**
   * Claims the one of a server that has been due longest, or that one if it is due.
   * @param leaseEnd when it is due again, unless it is ended or put off before
   */
  async claim(
    now: Date,
    leaseEnd: Date,
    { backupServer, id }: Partial<UpstreamSessionRef> & Pick<UpstreamSessionRef, 'backupServer'>,
  ): Promise<ClaimedUpstreamSession | undefined> {
    const rows = await this.database.run(async (orm) => {
      const ofServer = eq(formerUpstreamSessions.backupServer, backupServer);
      const next = orm
        .select({ id: formerUpstreamSessions.id })
        .from(formerUpstreamSessions)
        .where(and(due(now), ofServer, id === undefined ? undefined : eq(formerUpstreamSessions.id, id)))
        .orderBy(formerUpstreamSessions.dueAt)
        .limit(1)
        .for('update', { skipLocked: true });
      return (
        orm
          .update(formerUpstreamSessions)
          .set({ dueAt: leaseEnd, attempts: sql`${formerUpstreamSessions.attempts} + 1` })
          // `=`, which asks once: by `in` the planner may ask again for each row, and claim a second one.
          .where(and(eq(formerUpstreamSessions.id, next), ofServer, due(now)))
          .returning()
      );
    });
    return rows.map((row) => ({
      backupServer: row.backupServer,
      id: row.id,
      restoreSessionId: row.restoreSessionId ?? undefined,
      organizationName: row.organizationName,
      attempts: row.attempts,
    }))[0];
  }

  /** Puts off what has not ended. */
  async postpone(session: ClaimedUpstreamSession, dueAt: Date): Promise<void> {
    await this.database.run((orm) => orm.update(formerUpstreamSessions).set({ dueAt }).where(claimed(session)));
  }

  /** @returns false when another replica has told it since */
  async end(session: ClaimedUpstreamSession, endedAt: Date): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .update(formerUpstreamSessions)
        .set({ endedAt })
        .where(claimed(session))
        .returning({ id: formerUpstreamSessions.id }),
    );
    return rows.length === 1;
  }

  /** Those of these servers that were told to stop so often or oftener, and may still run. */
  async countTold(times: number, backupServers: readonly string[]): Promise<number> {
    return this.database.run((orm) =>
      orm.$count(
        formerUpstreamSessions,
        and(
          isNull(formerUpstreamSessions.endedAt),
          gte(formerUpstreamSessions.attempts, times),
          inArray(formerUpstreamSessions.backupServer, [...backupServers]),
        ),
      ),
    );
  }

  /** Those of any other server, which nobody can tell to stop; the newest, `limit` at most. */
  async listLeft(backupServers: readonly string[], limit: number): Promise<UpstreamSessionRef[]> {
    const { backupServer, id, endedAt, leftAt } = formerUpstreamSessions;
    return this.database.run((orm) =>
      orm
        .select({ backupServer, id })
        .from(formerUpstreamSessions)
        .where(and(isNull(endedAt), notInArray(backupServer, [...backupServers])))
        .orderBy(desc(leftAt))
        .limit(limit),
    );
  }
}

function due(now: Date): SQL | undefined {
  return and(isNull(formerUpstreamSessions.endedAt), lte(formerUpstreamSessions.dueAt, now));
}

function claimed({ backupServer, id, attempts }: ClaimedUpstreamSession): SQL | undefined {
  return and(
    eq(formerUpstreamSessions.backupServer, backupServer),
    eq(formerUpstreamSessions.id, id),
    isNull(formerUpstreamSessions.endedAt),
    eq(formerUpstreamSessions.attempts, attempts),
  );
}
