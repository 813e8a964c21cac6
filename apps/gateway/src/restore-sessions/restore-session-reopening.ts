import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import type { Logger } from '@app/logging';
import { SessionStoppedError, UpstreamRejectedError } from '@app/problems';
import { RestoreSessionsRepository } from '@app/store';
import { BackupServers, type UpstreamRestoreSession } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import { RestoreSessionEnds } from './restore-session-ends.js';
import type { RestoreSession } from './restore-session.js';
import { UpstreamStops } from './upstream-stops.js';

/**
 * Opens a restore session again upstream, at the same point in time and behind the same id, when upstream has ended its own by itself
 * (it idled out there, or the server was restarted).
 *
 * Operations go by the upstream session that their restore session has when they start; it is recorded with the mark that they were
 * sent. One that waits may therefore start in a reopened session. One that was sent is bound to the session it was sent in: it is
 * never sent again, ends as its connection or upstream says, and is reconciled by the log of that session. A device code works in
 * the upstream session it was issued in and is unknown in any other.
 */
@Injectable()
export class RestoreSessionReopening {
  /** By the server and its session that has ended: whoever finds that out meanwhile waits for the same one. */
  private readonly underWay = new Map<string, Promise<RestoreSession | undefined>>();

  constructor(
    private readonly sessions: RestoreSessionsRepository,
    private readonly ends: RestoreSessionEnds,
    private readonly stops: UpstreamStops,
    private readonly trail: AuditTrail,
    private readonly servers: BackupServers,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Does something with upstream's session, and once more if that has ended and another one can take its place.
   * @param work may throw SessionStoppedError only as long as it has neither recorded nor sent anything that must not come twice
   * @param by whose request it is done for; absent when no request is
   * @throws SessionStoppedError when the session was stopped here, or what it shows cannot be shown again; it is stopped then
   */
  async within<T>(session: RestoreSession, work: (session: RestoreSession) => Promise<T>, by?: Principal): Promise<T> {
    try {
      return await work(session);
    } catch (error) {
      if (!(error instanceof SessionStoppedError)) throw error;
      const reopened = await this.reopened(session, by);
      if (reopened === undefined) throw error;
      return this.again(reopened, work, by);
    }
  }

  private async again<T>(
    session: RestoreSession,
    work: (session: RestoreSession) => Promise<T>,
    by: Principal | undefined,
  ): Promise<T> {
    try {
      return await work(session);
    } catch (error) {
      if (error instanceof SessionStoppedError) await this.ends.endedUpstream(session, by);
      throw error;
    }
  }

  /** Undefined when the restore session is over. */
  private reopened(session: RestoreSession, by: Principal | undefined): Promise<RestoreSession | undefined> {
    const key = JSON.stringify([session.backupServer, session.upstreamSessionId]);
    const known = this.underWay.get(key);
    if (known !== undefined) return known;
    const reopening = this.reopen(session, by).finally(() => this.underWay.delete(key));
    this.underWay.set(key, reopening);
    return reopening;
  }

  private async reopen(session: RestoreSession, by: Principal | undefined): Promise<RestoreSession | undefined> {
    const current = await this.current(session);
    // Stopped meanwhile, or somebody was quicker.
    if (current?.upstreamSessionId !== session.upstreamSessionId) return current;
    const opened = await this.open(current);
    if (opened === undefined) {
      await this.ends.endedUpstream(current, by);
      return undefined;
    }
    if (await this.replaced(current, opened, by)) return { ...current, upstreamSessionId: opened.id };
    await this.stops.discard({ ...current, upstreamSessionId: opened.id });
    return this.current(session);
  }

  private async current({ id }: RestoreSession): Promise<RestoreSession | undefined> {
    const session = await this.sessions.get(id);
    return session?.stoppedAt === undefined ? session : undefined;
  }

  /** Undefined when upstream will not show what the session shows. */
  private async open(session: RestoreSession): Promise<UpstreamRestoreSession | undefined> {
    const { organizationId, pointInTime, showDeleted, showAllVersions } = session;
    const client = this.servers.of(session);
    const organizations = await client.listOrganizations();
    const firstBackupAt = organizations.find(({ id }) => id === organizationId)?.firstBackupAt;
    // Backups are deleted in the end, and a session before the first one would show nothing.
    if (firstBackupAt === undefined || pointInTime.getTime() < Date.parse(firstBackupAt)) return undefined;
    try {
      return await client.openRestoreSession(organizationId, {
        pointInTime: pointInTime.toISOString(),
        showDeleted,
        showAllVersions,
      });
    } catch (error) {
      if (!(error instanceof UpstreamRejectedError)) throw error;
      this.logger.warn({ err: error, restoreSessionId: session.id }, 'a restore session cannot be opened again');
      return undefined;
    }
  }

  private async replaced(
    session: RestoreSession,
    { id }: UpstreamRestoreSession,
    by: Principal | undefined,
  ): Promise<boolean> {
    const at = new Date(this.clock.now());
    try {
      return await this.trail.reopening(
        session,
        id,
        (statements) => new RestoreSessionsRepository(statements).replaceUpstream(session, id, at),
        by,
      );
    } catch (error) {
      await this.stops.discard({ ...session, upstreamSessionId: id });
      throw error;
    }
  }
}
