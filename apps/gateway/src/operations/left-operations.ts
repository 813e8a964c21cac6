import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { ProblemCode } from '@app/problems';
import { type Operation, OperationClaimsRepository, type OperationProblem } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { HeldDeviceCodes } from '../device-codes/held-device-codes.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { ClaimedOperations } from './claimed-operations.js';
import { OperationReconciliations } from './operation-reconciliations.js';
import { Replica } from './replica.js';

/** What replicas that are gone have left, and what nobody could begin in time. */
@Injectable()
export class LeftOperations {
  /**
   * Other replicas could not renew their leases while the database was away, and need not be gone. That it is away is seen here, but not
   * whether it was before the start.
   */
  private patientUntil: number;

  constructor(
    private readonly claims: OperationClaimsRepository,
    private readonly claimed: ClaimedOperations,
    private readonly reconciliations: OperationReconciliations,
    private readonly deviceCodes: HeldDeviceCodes,
    private readonly replica: Replica,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
  ) {
    this.patientUntil = clock.now() + replica.leaseMs;
  }

  /** @throws StoreUnavailableError */
  async sweep(): Promise<void> {
    const now = new Date(this.clock.now());
    try {
      await this.failOverdue(now);
      if (now.getTime() >= this.patientUntil) await this.endAbandoned(now);
    } catch (error) {
      this.patientUntil = this.clock.now() + 2 * this.replica.leaseMs;
      throw error;
    }
    this.reconciliations.sweep();
  }

  private async failOverdue(now: Date): Promise<void> {
    const queuedBefore = new Date(now.getTime() - this.configuration.limits.queueAgeMs);
    for (const operation of await this.claims.listOverdue(queuedBefore)) {
      await this.end(operation, 'failed', overdue, (claims) => claims.failWaiting(operation, now, overdue));
    }
    this.deviceCodes.forgetHeldBefore(queuedBefore);
  }

  private async endAbandoned(now: Date): Promise<void> {
    for (const operation of await this.claims.listAbandoned(now)) {
      // Nothing had been sent: it is done by whoever comes next.
      if (operation.sentAt === undefined && (await this.claims.requeueAbandoned(operation, now))) continue;
      await this.end(operation, 'interrupted', abandoned, (claims) =>
        claims.interruptAbandoned(operation, now, abandoned),
      );
    }
  }

  private async end(
    operation: Operation,
    state: 'failed' | 'interrupted',
    problem: OperationProblem,
    change: (claims: OperationClaimsRepository) => Promise<Operation | undefined>,
  ): Promise<void> {
    const ended = await this.trail.ending(operation, { state, problem }, (statements) =>
      change(new OperationClaimsRepository(statements)),
    );
    // Undefined is what another replica has ended meanwhile, or went on with.
    if (ended !== undefined) this.claimed.report(ended);
  }
}

const abandoned = {
  code: 'upstream-broken',
  detail: 'The gateway stopped while the operation ran; it may have been done.',
} satisfies { code: ProblemCode; detail: string };

const overdue = {
  code: 'operation-conflict',
  detail: 'The operation waited too long for its turn.',
} satisfies { code: ProblemCode; detail: string };
