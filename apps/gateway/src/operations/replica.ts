import { randomUUID } from 'node:crypto';

import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { GatewayStoppingError } from '@app/problems';
import type { Claim } from '@app/store';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';

import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';

/** This process among those that share the database. */
@Injectable()
export class Replica implements OnModuleDestroy {
  readonly id = randomUUID();
  private isGoing = false;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
  ) {}

  /** Comes first in a shutdown. */
  onModuleDestroy(): void {
    this.isGoing = true;
  }

  /** On its way out: what runs gets a grace, and nothing new is begun. */
  get isStopping(): boolean {
    return this.isGoing;
  }

  /** For what could be done by no other replica. @throws GatewayStoppingError */
  demandToStay(): void {
    if (this.isGoing) throw new GatewayStoppingError('The gateway is stopping here; nothing was done.');
  }

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
