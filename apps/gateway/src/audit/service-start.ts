import { ConfigurationSource } from '@app/config';
import { PolicySource } from '@app/policy';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { AuditTrail } from './audit-trail.js';

/** Puts on record what the service starts with: what was changed while it did not run shows nowhere else. */
@Injectable()
export class ServiceStart implements OnApplicationBootstrap {
  constructor(
    private readonly trail: AuditTrail,
    private readonly policy: PolicySource,
    private readonly configuration: ConfigurationSource,
  ) {}

  onApplicationBootstrap(): Promise<void> {
    return this.trail.started({
      policyDigest: this.policy.digest,
      configurationDigest: this.configuration.digest,
      emergencyStop: this.configuration.current.emergencyStop,
    });
  }
}
