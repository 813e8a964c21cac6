import { type Clock, sleep } from '@app/clock';
import type { Logger } from '@app/logging';
import type { Operation } from '@app/store';
import { type ActionResult, BackupServers } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import { ClaimedOperations } from './claimed-operations.js';
import { EarlierWork, ProgressReport } from './progress-report.js';

/** Short restores end before anybody would look. */
const FIRST_LOOK_MS = 3_000;
const LOOK_EVERY_MS = 5_000;

/** How far a restore is that upstream answers at its end: its events grow in the session meanwhile. */
@Injectable()
export class BlockingProgress {
  constructor(
    private readonly servers: BackupServers,
    private readonly claimed: ClaimedOperations,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async during(operation: Operation, work: () => Promise<ActionResult>): Promise<ActionResult> {
    const done = new AbortController();
    // Nothing depends on it, nor is it waited for.
    this.watch(operation, done.signal).catch((error: unknown) => {
      if (!done.signal.aborted) this.logger.debug({ err: error, operationId: operation.id }, 'no progress to be had');
    });
    try {
      return await work();
    } finally {
      done.abort();
    }
  }

  private async watch(operation: Operation, done: AbortSignal): Promise<void> {
    const { upstreamSessionId } = operation;
    if (upstreamSessionId === undefined) return;
    const client = this.servers.of(operation);
    const since = this.clock.now();
    await sleep(this.clock, FIRST_LOOK_MS, done);
    if ((await client.capabilities()).followedRestores) return;
    const earlier = new EarlierWork(since);
    const { isWhole } = await client.readRestoreLog(
      upstreamSessionId,
      (line) => {
        earlier.see(line);
      },
      done,
    );
    // Old lines would be told as news.
    if (!isWhole) return;
    const report = new ProgressReport({ upstreamOrder: earlier.lastOrder });
    for (;;) {
      // A log only grows: what was read of it once is not asked for again.
      const { upstreamOrder: afterOrder } = report.told;
      const events = await client.restoreEvents(upstreamSessionId, { afterOrder }, done);
      const progress = report.next(undefined, events);
      done.throwIfAborted();
      if (progress) await this.claimed.addProgress(operation, progress, report.told);
      await sleep(this.clock, LOOK_EVERY_MS, done);
    }
  }
}
