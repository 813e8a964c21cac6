import { setMaxListeners } from 'node:events';

import { type Clock, within } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Logger } from '@app/logging';
import { GatewayStoppingError } from '@app/problems';
import { RestoreSessionsRepository } from '@app/store';
import { type BackupServer, BackupServers } from '@app/veeam-client';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';

import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { ClaimedOperations } from './claimed-operations.js';

/** A backup server that does not answer is not waited for any longer, ms. */
const LOGOUT_MS = 5_000;

/** Time to record how operations were broken off, ms; a download may yet hang on a caller who takes nothing. */
const RECORDING_MS = 2_000;

/**
 * What this process is in the middle of, downloads as well as the rest. A shutdown gives it the grace to end; what has not by then is
 * broken off, and there is still time to record that.
 */
@Injectable()
export class RunningOperations implements BeforeApplicationShutdown {
  private readonly running = new Set<Promise<unknown>>();
  private readonly breaking = new AbortController();

  constructor(
    private readonly servers: BackupServers,
    private readonly claimed: ClaimedOperations,
    private readonly sessions: RestoreSessionsRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // One for each download.
    setMaxListeners(0, this.breaking.signal);
  }

  /** @param work from the claim to the recorded end */
  add(work: Promise<unknown>): void {
    const tracked = work
      .catch(() => undefined)
      .finally(() => {
        this.running.delete(tracked);
      });
    this.running.add(tracked);
  }

  /**
   * Aborted, with what to tell, when the grace is over: downloads are broken off then, and by the gateway. It lives as long as the process,
   * so what listens to it must stop doing so (`underAny`).
   */
  get brokenOff(): AbortSignal {
    return this.breaking.signal;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.settledWithin(this.configuration.limits.shutdownGraceMs);
    this.breaking.abort(new GatewayStoppingError('The gateway stopped before the download was whole.'));
    await within(this.clock, LOGOUT_MS, Promise.all(this.servers.all.map((server) => this.logout(server))));
    await this.servers.close();
    await this.settledWithin(RECORDING_MS);
    this.claimed.giveUp();
  }

  /** Which may end what runs under the account, of any replica: only when nobody's session and operation needs it. */
  private async logout({ name: backupServer, client }: BackupServer): Promise<void> {
    try {
      if (!(await this.sessions.isAnythingOpen(backupServer))) await client.logout();
    } catch (error) {
      this.logger.debug({ err: error, backupServer }, 'the login at a backup server was not ended');
    }
  }

  private async settledWithin(limitMs: number): Promise<void> {
    await within(this.clock, limitMs, this.settled());
  }

  /** What runs may begin more, such as the operation that was just accepted. */
  private async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }
}
