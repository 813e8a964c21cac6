import type { CancelTimer, Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Logger } from '@app/logging';
import { RestoreSessionsRepository } from '@app/store';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { RestoreSessionEnds } from './restore-session-ends.js';

const SWEEP_EVERY_MS = 60_000;
const SESSIONS_A_SWEEP = 50;

/** Stops restore sessions that nobody used for the idle time and no operation needs. Any replica may do it. */
@Injectable()
export class RestoreSessionExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private cancel: CancelTimer = () => undefined;
  private isStopped = false;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly sessions: RestoreSessionsRepository,
    private readonly ends: RestoreSessionEnds,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.cancel = this.clock.schedule(() => {
      this.sweeping = this.sweep();
    }, SWEEP_EVERY_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    this.cancel();
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    try {
      const usedBefore = new Date(this.clock.now() - this.configuration.limits.sessionIdleMs);
      for (const session of await this.sessions.listIdle(usedBefore, this.ends.unreconciledSince(), SESSIONS_A_SWEEP)) {
        await this.ends.stopUnneeded(session, 'idle');
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'idle restore sessions could not be stopped; trying again');
    }
    if (!this.isStopped) {
      this.onApplicationBootstrap();
    }
  }
}
