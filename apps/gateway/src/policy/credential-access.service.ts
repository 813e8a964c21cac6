import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import { PolicySource } from '@app/policy';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { denied } from './denials.js';

/**
 * Second stage of authorization for credential profiles: of which organizations may this caller see them? One decision an organization, and
 * nobody but the policy is asked.
 */
@Injectable()
export class CredentialAccess {
  constructor(
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'organizations'>,
  ) {}

  /**
   * Puts on record who looks, of each organization, before anything is shown.
   * @returns tenant names, lower-cased
   * @throws ForbiddenError when it is none
   * @throws StoreUnavailableError when it cannot be recorded
   */
  async organizations(principal: Principal): Promise<string[]> {
    const decisions = this.configuration.organizations.map(({ name }) => {
      const decision = this.policy.engine.decide({
        principal,
        ownOneDrives: [],
        action: 'listCredentialProfiles',
        resource: { type: 'Organization', name },
        context: { time: new Date(this.clock.now()) },
      });
      return { name, ...decision };
    });
    const permitted = decisions.filter(({ allowed }) => allowed);
    if (permitted.length === 0) {
      const policies = [...new Set(decisions.flatMap((decision) => decision.policies))].sort();
      await this.trail.decided(principal, 'listCredentialProfiles', { allowed: false, policies });
      throw denied({ policies }, 'There is no organization whose credential profiles you may see.');
    }
    await Promise.all(
      permitted.map(({ name: organization, ...decision }) =>
        this.trail.decided(principal, 'listCredentialProfiles', decision, { organization }),
      ),
    );
    return permitted.map(({ name }) => name);
  }
}
