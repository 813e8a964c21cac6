import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import { DomainError } from '@app/problems';
import { type Operation, RestoreSessionsRepository, type StoredRestoreSession } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail, type SessionStop } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { UpstreamStops } from './upstream-stops.js';

/** Records that restore sessions are over, whoever ended them. */
@Injectable()
export class RestoreSessionEnds {
  constructor(
    private readonly sessions: RestoreSessionsRepository,
    private readonly stops: UpstreamStops,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
  ) {}

  /**
   * Stops a session that no operation needs: at once for its caller, and upstream as soon as upstream does. But for idle ones, it is
   * waited a little for that.
   * @param by who asked for it; absent when nobody did
   * @returns false when an operation needs the session, or it was stopped already
   */
  async stopUnneeded(
    session: StoredRestoreSession,
    why: Exclude<SessionStop, 'ended-upstream'>,
    by?: Principal,
  ): Promise<boolean> {
    const stoppedAt = new Date(this.clock.now());
    const isStopped = await this.trail.stopping(
      session,
      why,
      (statements) => new RestoreSessionsRepository(statements).stop(session.id, stoppedAt, this.unreconciledSince()),
      by,
    );
    if (isStopped && why !== 'idle') await this.stops.stop(session);
    return isStopped;
  }

  /** Stops the session of an operation that has ended, if it was opened for nothing else. What fails is done by the sweep. */
  async stopAfter({ restoreSessionId }: Pick<Operation, 'restoreSessionId'>): Promise<void> {
    try {
      const session = await this.sessions.get(restoreSessionId);
      if (session?.isForOneOperation && session.stoppedAt === undefined) {
        await this.stopUnneeded(session, 'operation-ended');
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
  }

  /** An operation interrupted since then may need its session to find out what became of it. */
  unreconciledSince(): Date {
    return new Date(this.clock.now() - this.configuration.limits.reconcileMs);
  }

  /** Marks a session stopped that upstream has ended by itself. @param by whose request found that out */
  async endedUpstream(session: StoredRestoreSession, by?: Principal): Promise<void> {
    const stoppedAt = new Date(this.clock.now());
    await this.trail.stopping(
      session,
      'ended-upstream',
      (statements) => new RestoreSessionsRepository(statements).markEnded(session, stoppedAt),
      by,
    );
  }
}
