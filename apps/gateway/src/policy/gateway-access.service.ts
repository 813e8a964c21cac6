import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import { PolicySource } from '@app/policy';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK } from '../infrastructure/tokens.js';
import { denied } from './denials.js';

/** Second stage of authorization for what is about the gateway as a whole. */
@Injectable()
export class GatewayAccess {
  constructor(
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Puts the decision on record.
   * @throws ForbiddenError
   * @throws StoreUnavailableError when it cannot be recorded
   */
  async readSendReadiness(principal: Principal): Promise<void> {
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'readSendReadiness',
      resource: { type: 'Gateway' },
      context: { time: new Date(this.clock.now()) },
    });
    await this.trail.decided(principal, 'readSendReadiness', decision, {});
    if (!decision.allowed) throw denied(decision);
  }
}
