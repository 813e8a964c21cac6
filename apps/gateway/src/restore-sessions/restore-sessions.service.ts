import { randomUUID } from 'node:crypto';

import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import {
  BeforeFirstBackupError,
  NotFoundError,
  OperationConflictError,
  RateLimitedError,
  SessionStoppedError,
} from '@app/problems';
import { RestoreSessionsRepository } from '@app/store';
import { BackupServers, type Organization, type ServedOrganization } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import type { Reasoned } from '../actions/action-request.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { limitsOfServers } from '../infrastructure/server-limits.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { AuthorizationService } from '../policy/authorization.service.js';
import { RestoreSessionEnds } from './restore-session-ends.js';
import { RestoreSessionReopening } from './restore-session-reopening.js';
import type { RestoreSession } from './restore-session.js';
import { UpstreamStops } from './upstream-stops.js';

export interface OpenRestoreSession extends Reasoned {
  readonly organizationId: string;
  /** ISO 8601 UTC; default: the latest backup. */
  readonly pointInTime?: string | undefined;
  readonly showDeleted: boolean;
  readonly showAllVersions: boolean;
  /** Default false. Otherwise it is stopped by itself once the one operation it is opened for has ended. */
  readonly isForOneOperation?: boolean;
}

/** Opens, finds and stops the restore sessions of a caller. A session opened for somebody else does not exist. */
@Injectable()
export class RestoreSessionsService {
  private readonly perServer: ReadonlyMap<string, number>;

  constructor(
    private readonly authorization: AuthorizationService,
    private readonly servers: BackupServers,
    private readonly sessions: RestoreSessionsRepository,
    private readonly ends: RestoreSessionEnds,
    private readonly reopening: RestoreSessionReopening,
    private readonly stops: UpstreamStops,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits' | 'backupServers'>,
  ) {
    this.perServer = limitsOfServers(configuration, 'restoreSessions');
  }

  async open(principal: Principal, request: OpenRestoreSession): Promise<RestoreSession> {
    const organization = await this.authorization.openRestoreSession(principal, request.organizationId, request);
    return this.openIn(principal, organization, request);
  }

  /**
   * Opens a view of the newest backup at or before a time. Upstream is asked for a time even where the caller asked for none: what
   * is shown is then what is answered, also after the session had to be opened again.
   * @param organization that the caller may open sessions in
   * @throws BeforeFirstBackupError, RateLimitedError when the caller, or the server, has too many open sessions
   */
  async openIn(
    principal: Principal,
    organization: ServedOrganization,
    request: Omit<OpenRestoreSession, 'organizationId'>,
  ): Promise<RestoreSession> {
    const { backupServer } = organization;
    const limits = {
      perOwner: this.configuration.limits.sessionsPerCaller,
      perServer: this.perServer.get(backupServer),
    };
    const pointInTime = shownAt(organization, request.pointInTime, this.clock.now());
    const owner = { issuer: principal.issuer, subject: principal.subject };
    if (!(await this.sessions.hasRoom({ owner, backupServer }, limits))) {
      throw tooManySessions();
    }
    const { showDeleted, showAllVersions, reason, onBehalfOf } = request;
    const upstream = await this.servers.of(organization).openRestoreSession(organization.id, {
      pointInTime: pointInTime.toISOString(),
      showDeleted,
      showAllVersions,
    });
    const createdAt = new Date(this.clock.now());
    const session = {
      id: randomUUID(),
      owner,
      backupServer,
      organizationId: organization.id,
      organizationName: organization.name.toLowerCase(),
      upstreamSessionId: upstream.id,
      pointInTime,
      showDeleted,
      showAllVersions,
      reason,
      onBehalfOf,
      isForOneOperation: request.isForOneOperation ?? false,
      createdAt,
    };
    try {
      const isOpened = await this.trail.opening(principal, session, (statements) =>
        new RestoreSessionsRepository(statements).insert(session, limits),
      );
      // Others were opened while upstream was at this one.
      if (!isOpened) throw tooManySessions();
    } catch (error) {
      const { upstreamSessionId, organizationName } = session;
      await this.stops.discard({ backupServer, upstreamSessionId, organizationName });
      throw error;
    }
    return { ...session, lastUsedAt: createdAt, stoppedAt: undefined };
  }

  async list(principal: Principal, page: { offset: number; limit: number }): Promise<RestoreSession[]> {
    return this.sessions.list(principal, page);
  }

  /** @throws NotFoundError unless the gateway opened it for this caller. */
  async find(principal: Principal, id: string): Promise<RestoreSession> {
    const session = await this.sessions.find(id, principal);
    if (session === undefined) {
      await this.authorization.noRestoreSession(principal, id);
      throw new NotFoundError('There is no such restore session.');
    }
    await this.authorization.useRestoreSession(principal, session);
    return session;
  }

  /**
   * Does something with an open session of the caller, which keeps it from expiring. Where upstream has ended its own session by
   * itself, that is opened again and the work done once more.
   * @param work may throw SessionStoppedError only as long as it has neither recorded nor sent anything that must not come twice
   * @throws NotFoundError unless the gateway opened it for this caller
   * @throws SessionStoppedError when it has been stopped, here or upstream, where it cannot be opened again
   */
  async use<T>(principal: Principal, id: string, work: (session: RestoreSession) => Promise<T>): Promise<T> {
    const session = await this.find(principal, id);
    if (session.stoppedAt !== undefined) {
      throw new SessionStoppedError('The restore session has been stopped; open a new one.');
    }
    await this.sessions.touch(id, new Date(this.clock.now()));
    return this.reopening.within(session, work, principal);
  }

  /** Stops a session, upstream too. Stopping a stopped one is no fault. @throws OperationConflictError while an operation needs it. */
  async stop(principal: Principal, id: string): Promise<void> {
    const session = await this.find(principal, id);
    if (session.stoppedAt === undefined && !(await this.ends.stopUnneeded(session, 'by-caller', principal))) {
      const now = await this.find(principal, id);
      if (now.stoppedAt === undefined) {
        throw new OperationConflictError('An operation of this restore session is queued or running.');
      }
    }
  }

  /** When a session will be stopped unless somebody uses it. */
  expiresAt(session: RestoreSession): Date {
    return new Date(session.lastUsedAt.getTime() + this.configuration.limits.sessionIdleMs);
  }
}

/**
 * The time that upstream is asked for: never one after the newest backup, at which another one would be shown later.
 * @param now taken for the newest backup where upstream does not tell it
 * @throws BeforeFirstBackupError
 */
function shownAt({ firstBackupAt, lastBackupAt }: Organization, asked: string | undefined, now: number): Date {
  const newest = lastBackupAt === undefined ? now : Date.parse(lastBackupAt);
  const shown = asked === undefined ? newest : Math.min(Date.parse(asked), newest);
  if (firstBackupAt === undefined || shown < Date.parse(firstBackupAt)) {
    throw new BeforeFirstBackupError('The organization has no backup from that time or before.');
  }
  return new Date(shown);
}

function tooManySessions(): RateLimitedError {
  return new RateLimitedError(
    'There are too many open restore sessions, yours or on that backup server; stop one first.',
  );
}
