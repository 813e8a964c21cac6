import { type CancelTimer, type Clock, within } from '@app/clock';
import { type Logger, Metrics } from '@app/logging';
import { DomainError } from '@app/problems';
import { type ClaimedUpstreamSession, FormerUpstreamSessionsRepository, type UpstreamSessionRef } from '@app/store';
import { BackupServers } from '@app/veeam-client';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { pauseAfter } from '../infrastructure/pauses.js';
import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import { RunningOperations } from '../operations/running-operations.js';
import type { RestoreSession } from './restore-session.js';

const LOOK_EVERY_MS = 5_000;

/** One whose replica has died is told again by another after so long: to tell one, and to look, takes minutes at most. */
const LEASE_MS = 10 * 60_000;

/** At the same time, of one server, from one replica: a server that hangs is not asked for more and more. */
const SLOTS = 8;

/** One that was told to stop so often and may still run is told of. */
const TOLD_OFTEN = 6;

/** Of what is left on servers that are not configured, so many are named in the log. */
const MOST_TOLD = 100;

/** How long whoever stops a session waits for upstream, which goes on being told without them. */
const PATIENCE_MS = 5_000;

/** Upstream's session, and the restore session that goes by it; that has no id when it is not on record. */
type UsedSession = Pick<RestoreSession, 'backupServer' | 'upstreamSessionId' | 'organizationName'> &
  Partial<Pick<RestoreSession, 'id'>>;

type Told = 'stopped' | 'still-running' | 'failed';

/**
 * Stops upstream's sessions that are no longer in use, with proof: each is told to stop until upstream says that it has ended or
 * that there is none. Every replica does; each session is told by one of them at a time.
 */
@Injectable()
export class UpstreamStops implements OnApplicationBootstrap, OnModuleDestroy {
  /** Those that may still run, however often they were told to stop. */
  notStopped = 0;

  /** Those that this replica tells now, by server and id. */
  private readonly attempts = new Map<string, Map<string, Promise<void>>>();
  private claiming: Promise<unknown> = Promise.resolve();
  private cancelLook: CancelTimer = () => undefined;
  private isFailing = false;
  private hasToldOfLeft = false;
  private isStopping = false;

  constructor(
    private readonly former: FormerUpstreamSessionsRepository,
    private readonly running: RunningOperations,
    private readonly servers: BackupServers,
    private readonly trail: AuditTrail,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.cancelLook = this.clock.schedule(() => {
      this.running.add(this.look());
    }, LOOK_EVERY_MS);
  }

  /** What is under way gets the grace to end; the rest waits for another replica, or the next start. */
  onModuleDestroy(): void {
    this.isStopping = true;
    this.cancelLook();
  }

  /** Tells one that is on record as no longer in use. Resolves when upstream was asked once, or has taken too long. */
  async stop(session: UsedSession): Promise<void> {
    await within(this.clock, PATIENCE_MS, this.tellOne(refOf(session)));
  }

  /**
   * Puts one on record that was opened and that no restore session goes by: it was one too many, or could not be recorded. It is
   * stopped beside whatever the caller does.
   */
  async discard(session: UsedSession): Promise<void> {
    const { id: restoreSessionId, organizationName } = session;
    const ref = refOf(session);
    const leftAt = new Date(this.clock.now());
    try {
      await this.former.add({ ...ref, organizationName, restoreSessionId, leftAt, endedAt: undefined });
    } catch (error) {
      // Nobody will ever know of it: this is the only try, or it would stay open until upstream ends it.
      this.logger.warn({ err: error, ...named(ref) }, 'a restore session that nobody uses is stopped once only');
      await this.tell(ref);
      return;
    }
    void this.tellOne(ref);
  }

  private async look(): Promise<void> {
    try {
      const configured = this.servers.all.map(({ name }) => name);
      for (const name of configured) await this.lookAt(name);
      this.notStopped = await this.former.countTold(TOLD_OFTEN, configured);
      await this.tellOfLeft(configured);
      this.metrics.setUpstreamSessionsNotStopped(this.notStopped);
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.logger.warn({ err: error }, 'sessions to stop cannot be looked for; trying again');
      this.isFailing = true;
    } finally {
      if (!this.isStopping) this.onApplicationBootstrap();
    }
  }

  /** Once: what was open on a server that was taken out of the configuration is for those who look after that server. */
  private async tellOfLeft(configured: readonly string[]): Promise<void> {
    if (this.hasToldOfLeft) return;
    const left = await this.former.listLeft(configured, MOST_TOLD);
    this.hasToldOfLeft = true;
    if (left.length === 0) return;
    this.logger.warn(
      { sessions: left.map(named), isAll: left.length < MOST_TOLD },
      'restore sessions may still run on backup servers that are not configured, and cannot be stopped there',
    );
  }

  private async lookAt(backupServer: string): Promise<void> {
    while (!this.isStopping && this.attemptsOn(backupServer).size < SLOTS) {
      const session = await this.claim({ backupServer });
      if (session === undefined) break;
      void this.begin(session);
    }
  }

  private tellOne(ref: UpstreamSessionRef): Promise<void> {
    const told = this.claim(ref)
      // Otherwise a look was quicker, of this replica or another.
      .then((session) => (session ? this.begin(session) : this.attemptsOn(ref.backupServer).get(ref.id)))
      .catch((error: unknown) => {
        this.logger.warn({ err: error, ...named(ref) }, 'a restore session cannot be stopped upstream yet');
      });
    this.running.add(told);
    return told;
  }

  /** That one, or whichever of the server has been due longest. */
  private claim(
    of: UpstreamSessionRef | Pick<UpstreamSessionRef, 'backupServer'>,
  ): Promise<ClaimedUpstreamSession | undefined> {
    // One after another: who finds one claimed by this replica then finds the attempt as well.
    const claim = this.claiming.then(() => {
      const now = this.clock.now();
      return this.former.claim(new Date(now), new Date(now + LEASE_MS), of);
    });
    this.claiming = claim.catch(() => undefined);
    return claim;
  }

  private attemptsOn(backupServer: string): Map<string, Promise<void>> {
    const known = this.attempts.get(backupServer);
    if (known !== undefined) return known;
    const attempts = new Map<string, Promise<void>>();
    this.attempts.set(backupServer, attempts);
    return attempts;
  }

  private begin(session: ClaimedUpstreamSession): Promise<void> {
    const attempts = this.attemptsOn(session.backupServer);
    const attempt = this.attempt(session).finally(() => attempts.delete(session.id));
    attempts.set(session.id, attempt);
    this.running.add(attempt);
    return attempt;
  }

  private async attempt(session: ClaimedUpstreamSession): Promise<void> {
    try {
      const told = await this.tell(session);
      if (told === 'stopped') await this.ended(session);
      else await this.putOff(session, told);
    } catch (error) {
      this.logger.warn(
        { err: error, ...namedWithAttempts(session) },
        'how a stop went cannot be recorded; it is told again',
      );
    }
  }

  private async tell(ref: UpstreamSessionRef): Promise<Told> {
    const told = await this.stopped(ref).catch((error: unknown) => {
      if (!(error instanceof DomainError)) throw error;
      this.logger.info({ err: error, ...named(ref) }, 'a restore session could not be stopped upstream');
      return 'failed' as const;
    });
    this.metrics.countUpstreamStop(told);
    return told;
  }

  private async stopped(ref: UpstreamSessionRef): Promise<Told> {
    return this.servers.of(ref).stopRestoreSession(ref.id);
  }

  private async ended(session: ClaimedUpstreamSession): Promise<void> {
    const endedAt = new Date(this.clock.now());
    await this.trail.endedUpstream(session, (statements) =>
      new FormerUpstreamSessionsRepository(statements).end(session, endedAt),
    );
  }

  private async putOff(session: ClaimedUpstreamSession, told: Told): Promise<void> {
    await this.former.postpone(session, new Date(this.clock.now() + pauseAfter(session.attempts)));
    if (session.attempts !== TOLD_OFTEN) return;
    this.logger.warn(
      { ...namedWithAttempts(session), told },
      'a restore session does not stop upstream; it is told again later',
    );
    await this.trail.notEndedUpstream(session);
  }
}

function refOf({ backupServer, upstreamSessionId: id }: UsedSession): UpstreamSessionRef {
  return { backupServer, id };
}

/** As the log names it. */
function named({ backupServer, id: upstreamSessionId }: UpstreamSessionRef) {
  return { backupServer, upstreamSessionId };
}

function namedWithAttempts(session: ClaimedUpstreamSession) {
  const { restoreSessionId, attempts } = session;
  return { ...named(session), restoreSessionId, attempts };
}
