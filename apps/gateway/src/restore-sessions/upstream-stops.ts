import { type CancelTimer, type Clock, sleep } from '@app/clock';
import { type Logger, Metrics } from '@app/logging';
import { DomainError } from '@app/problems';
import { type ClaimedUpstreamSession, FormerUpstreamSessionsRepository } from '@app/store';
import { VeeamClient } from '@app/veeam-client';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { pauseAfter } from '../infrastructure/pauses.js';
import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import { RunningOperations } from '../operations/running-operations.js';

const LOOK_EVERY_MS = 5_000;

/** One whose replica has died is told again by another after so long: to tell one, and to look, takes minutes at most. */
const LEASE_MS = 10 * 60_000;

/** At the same time, from one replica: a server that hangs is not asked for more and more. */
const SLOTS = 8;

/** One that was told to stop so often and may still run is told of. */
const TOLD_OFTEN = 6;

/** How long whoever stops a session waits for upstream, which goes on being told without them. */
const PATIENCE_MS = 5_000;

type Told = 'stopped' | 'still-running' | 'failed';

/**
 * Stops upstream's sessions that are no longer in use, with proof: each is told to stop until upstream says that it has ended or
 * that there is none. Every replica does; each session is told by one of them at a time.
 */
@Injectable()
export class UpstreamStops implements OnApplicationBootstrap, OnModuleDestroy {
  /** Those that may still run, however often they were told to stop. */
  notStopped = 0;

  private inFlight = 0;
  private cancelLook: CancelTimer = () => undefined;
  private isFailing = false;
  private isStopping = false;

  constructor(
    private readonly former: FormerUpstreamSessionsRepository,
    private readonly running: RunningOperations,
    private readonly client: VeeamClient,
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
  async stop(upstreamSessionId: string): Promise<void> {
    const answered = new AbortController();
    const patience = sleep(this.clock, PATIENCE_MS, answered.signal).catch(() => undefined);
    await Promise.race([this.tellOne(upstreamSessionId), patience]);
    answered.abort();
  }

  /**
   * Puts one on record that was opened and that no restore session goes by: it was one too many, or could not be recorded. It is
   * stopped beside whatever the caller does.
   * @param restoreSessionId absent when that is not on record
   */
  async discard(upstreamSessionId: string, organizationName: string, restoreSessionId?: string): Promise<void> {
    const leftAt = new Date(this.clock.now());
    try {
      await this.former.add({ id: upstreamSessionId, organizationName, restoreSessionId, leftAt, endedAt: undefined });
    } catch (error) {
      // Nobody will ever know of it: this is the only try, or it would stay open until upstream ends it.
      this.logger.warn({ err: error, upstreamSessionId }, 'a restore session that nobody uses is stopped once only');
      await this.tell(upstreamSessionId);
      return;
    }
    void this.tellOne(upstreamSessionId);
  }

  private async look(): Promise<void> {
    try {
      while (!this.isStopping && this.inFlight < SLOTS) {
        const session = await this.claim();
        if (session === undefined) break;
        this.running.add(this.attempt(session));
      }
      this.notStopped = await this.former.countTold(TOLD_OFTEN);
      this.metrics.setUpstreamSessionsNotStopped(this.notStopped);
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.logger.warn({ err: error }, 'sessions to stop cannot be looked for; trying again');
      this.isFailing = true;
    } finally {
      if (!this.isStopping) this.onApplicationBootstrap();
    }
  }

  private tellOne(upstreamSessionId: string): Promise<void> {
    const told = this.claim(upstreamSessionId)
      // Otherwise another replica was quicker.
      .then((session) => session && this.attempt(session))
      .catch((error: unknown) => {
        this.logger.warn({ err: error, upstreamSessionId }, 'a restore session cannot be stopped upstream yet');
      });
    this.running.add(told);
    return told;
  }

  private claim(id?: string): Promise<ClaimedUpstreamSession | undefined> {
    const now = this.clock.now();
    return this.former.claim(new Date(now), new Date(now + LEASE_MS), id);
  }

  private async attempt(session: ClaimedUpstreamSession): Promise<void> {
    this.inFlight++;
    try {
      const told = await this.tell(session.id);
      if (told === 'stopped') await this.ended(session);
      else await this.putOff(session, told);
    } catch (error) {
      this.logger.warn({ err: error, ...named(session) }, 'how a stop went cannot be recorded; it is told again');
    } finally {
      this.inFlight--;
    }
  }

  private async tell(id: string): Promise<Told> {
    const told = await this.client.stopRestoreSession(id).catch((error: unknown) => {
      if (!(error instanceof DomainError)) throw error;
      this.logger.info({ err: error, upstreamSessionId: id }, 'a restore session could not be stopped upstream');
      return 'failed' as const;
    });
    this.metrics.countUpstreamStop(told);
    return told;
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
    this.logger.warn({ ...named(session), told }, 'a restore session does not stop upstream; it is told again later');
    await this.trail.notEndedUpstream(session);
  }
}

function named({ id: upstreamSessionId, restoreSessionId, attempts }: ClaimedUpstreamSession) {
  return { upstreamSessionId, restoreSessionId, attempts };
}
