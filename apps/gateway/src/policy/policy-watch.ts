import type { CancelTimer, Clock } from '@app/clock';
import { PolicySource } from '@app/policy';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { CLOCK } from '../infrastructure/tokens.js';

const LOOK_EVERY_MS = 10_000;

/** Takes over a changed policy without a restart. A broken one never replaces a good one. */
@Injectable()
export class PolicyWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private cancel: CancelTimer = () => undefined;

  constructor(
    private readonly policy: PolicySource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.cancel = this.policy.watch(this.clock, LOOK_EVERY_MS);
  }

  beforeApplicationShutdown(): void {
    this.cancel();
  }
}
