import type { CancelTimer, Clock } from '@app/clock';
import { ConfigurationSource } from '@app/config';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { CLOCK } from './tokens.js';

/** The emergency stop is in the file: it should not take long. */
const LOOK_EVERY_MS = 3_000;

/** Takes over a changed configuration without a restart. A broken one never replaces a good one. */
@Injectable()
export class ConfigurationWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private cancel: CancelTimer = () => undefined;

  constructor(
    private readonly configuration: ConfigurationSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.cancel = this.configuration.watch(this.clock, LOOK_EVERY_MS);
  }

  beforeApplicationShutdown(): void {
    this.cancel();
  }
}
