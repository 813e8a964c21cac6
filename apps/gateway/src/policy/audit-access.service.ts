import type { AuditDetail, AuditScope } from '@app/audit';
import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import { type PolicyDecision, PolicySource } from '@app/policy';
import { ForbiddenError, NotFoundError } from '@app/problems';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { nothingPermits } from './denials.js';

/**
 * Second stage of authorization for the audit trail: of which organizations may this caller read the records? One decision an
 * organization, and nobody but the policy is asked.
 */
@Injectable()
export class AuditAccess {
  constructor(
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'organizations'>,
  ) {}

  /**
   * Puts on record who reads what, before anything is read.
   * @param asked what was asked for, for the record
   * @param organization tenant name, lower-cased; all that the caller may read when absent
   * @throws NotFoundError when it is not one whose records the caller may read, or none at all
   * @throws ForbiddenError when there is no organization whose records the caller may read
   * @throws StoreUnavailableError when it cannot be recorded
   */
  async readable(principal: Principal, asked: AuditDetail, organization?: string): Promise<AuditScope> {
    return organization === undefined ? this.all(principal, asked) : this.one(principal, asked, organization);
  }

  private async one(principal: Principal, asked: AuditDetail, organization: string): Promise<AuditScope> {
    const isConfigured = this.names().includes(organization);
    const decision = isConfigured ? this.decide(principal, organization) : nothingPermits;
    await this.trail.decided(principal, 'readAuditRecords', decision, {
      // A name that somebody made up is no organization.
      ...(isConfigured && { organization }),
      detail: isConfigured ? asked : { ...asked, organization },
    });
    if (!decision.allowed) {
      throw new NotFoundError('There is no such organization.');
    }
    return { organizations: [organization], includesNone: false };
  }

  /**
   * What belongs to no organization tells of the service as a whole, and a refusal by the guard may have been about any of them:
   * both are for who may read the records of all.
   */
  private async all(principal: Principal, asked: AuditDetail): Promise<AuditScope> {
    const names = this.names();
    const decisions = names.map((name) => ({ name, ...this.decide(principal, name) }));
    const permitted = decisions.filter(({ allowed }) => allowed);
    const organizations = permitted.map(({ name }) => name);
    const allowed = permitted.length > 0;
    const deciding = (allowed ? permitted : decisions).flatMap(({ policies }) => policies);
    const decision = { allowed, policies: [...new Set(deciding)].sort() };
    const [organization, ...others] = organizations;
    await this.trail.decided(principal, 'readAuditRecords', decision, {
      ...(others.length === 0 && { organization }),
      detail: { ...asked, organizations },
    });
    if (!allowed) {
      throw new ForbiddenError('There is no organization whose audit records you may read.');
    }
    return { organizations, includesNone: organizations.length === names.length };
  }

  private decide(principal: Principal, name: string): PolicyDecision {
    return this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'readAuditRecords',
      resource: { type: 'Organization', name },
      context: { time: new Date(this.clock.now()) },
    });
  }

  private names(): readonly string[] {
    return this.configuration.organizations.map(({ name }) => name);
  }
}
