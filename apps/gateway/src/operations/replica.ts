import { randomUUID } from 'node:crypto';

import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Claim } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';

/** This process among those that share the database. */
@Injectable()
export class Replica {
  readonly id = randomUUID();

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
  ) {}

  claim(): Claim {
    return { replica: this.id, at: new Date(this.clock.now()), leaseUntil: this.leaseEnd() };
  }

  leaseEnd(): Date {
    return new Date(this.clock.now() + this.configuration.limits.leaseMs);
  }

  get leaseMs(): number {
    return this.configuration.limits.leaseMs;
  }

  /** Three chances to renew a lease before it ends. */
  get renewEveryMs(): number {
    return this.configuration.limits.leaseMs / 3;
  }
}
