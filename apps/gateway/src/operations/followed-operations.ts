import { type Clock, sleep } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Logger } from '@app/logging';
import { DomainError, NotSupportedByUpstreamError } from '@app/problems';
import type { Operation } from '@app/store';
import { BackupServers, type FollowedRestore } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { ClaimedOperations, type OperationOutcomeOf } from './claimed-operations.js';
import { endOf } from './outcome.js';
import { ProgressReport } from './progress-report.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** One answer that upstream does not know a session proves nothing: something else may have answered in its place. */
const LOST_AFTER_MS = 60_000;

/** Follows what upstream does by itself to its end. */
@Injectable()
export class FollowedOperations {
  private readonly leaving = new AbortController();

  constructor(
    private readonly servers: BackupServers,
    private readonly claimed: ClaimedOperations,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Lets other replicas go on with all of them, at once. */
  leave(): void {
    this.leaving.abort(new Error('The gateway is stopping.'));
  }

  /** @returns undefined when it was left to other replicas */
  async follow(operation: Operation): Promise<OperationOutcomeOf | undefined> {
    const { followedSessionId = '', startedAt } = operation;
    const deadline = (startedAt?.getTime() ?? this.clock.now()) + this.configuration.limits.followMaxMs;
    const report = new ProgressReport(operation.progress);
    let lostSince: number | undefined;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5)) {
      const looked = await this.look(operation, followedSessionId, report.told.upstreamOrder);
      if (looked?.state === 'not-supported') {
        return interrupted('The API version of the backup server that is configured now cannot tell how it ends.');
      }
      if (looked?.state === 'unknown') {
        lostSince ??= this.clock.now();
        if (this.clock.now() >= lostSince + LOST_AFTER_MS) {
          return interrupted('The backup server no longer knows the operation; it may have been done.');
        }
      } else if (looked) {
        lostSince = undefined;
        await this.tell(operation, report, looked);
        if (looked.state === 'stopped') return endOf(operation, looked.outcome);
      }
      if (this.clock.now() >= deadline) {
        return interrupted('The backup server did not end the operation in time; it may yet be done.');
      }
      await sleep(this.clock, pauseMs, this.leaving.signal).catch(() => undefined);
      if (this.leaving.signal.aborted) {
        await this.claimed.handOver(operation);
        return undefined;
      }
    }
  }

  /** Undefined when upstream could not be asked: it is asked again. */
  private async look(
    operation: Operation,
    sessionId: string,
    afterOrder: number,
  ): Promise<FollowedRestore | { readonly state: 'not-supported' } | undefined> {
    try {
      return await this.servers.of(operation).followRestore(sessionId, { afterOrder }, this.leaving.signal);
    } catch (error) {
      if (this.leaving.signal.aborted) return undefined;
      if (!(error instanceof DomainError)) throw error;
      if (error instanceof NotSupportedByUpstreamError) return { state: 'not-supported' };
      this.logger.debug(
        { err: error, operationId: operation.id },
        'upstream could not be asked how an operation goes on',
      );
      return undefined;
    }
  }

  /** Nothing depends on it. */
  private async tell(
    operation: Operation,
    report: ProgressReport,
    { progress: { counts, events } }: Exclude<FollowedRestore, { state: 'unknown' }>,
  ): Promise<void> {
    const progress = report.next(counts, events);
    if (progress === undefined) return;
    try {
      await this.claimed.addProgress(operation, progress, report.told);
    } catch (error) {
      this.logger.debug({ err: error, operationId: operation.id }, 'progress could not be recorded');
    }
  }
}

function interrupted(detail: string): OperationOutcomeOf {
  return { state: 'interrupted', problem: { code: 'upstream-broken', detail } };
}
