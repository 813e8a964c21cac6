import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import { RestoreSessionsRepository, type StoredRestoreSession } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { UpstreamStops } from './upstream-stops.js';

/** Records that restore sessions are over, whoever ended them. */
@Injectable()
export class RestoreSessionEnds {
  constructor(
    private readonly stops: UpstreamStops,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
  ) {}

  /**
   * Stops a session that no operation needs: at once for its caller, and upstream as soon as upstream does. Who asked for it waits a
   * little for that.
   * @param by who asked for it; absent when nobody used it for long
   * @returns false when an operation needs the session, or it was stopped already
   */
  async stopUnneeded(session: StoredRestoreSession, by?: Principal): Promise<boolean> {
    const stoppedAt = new Date(this.clock.now());
    const isStopped = await this.trail.stopping(
      session,
      by === undefined ? 'idle' : 'by-caller',
      (statements) => new RestoreSessionsRepository(statements).stop(session.id, stoppedAt, this.unreconciledSince()),
      by,
    );
    if (isStopped && by !== undefined) await this.stops.stop(session.upstreamSessionId);
    return isStopped;
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
