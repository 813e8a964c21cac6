import type { CancelTimer, Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { type Logger, newTraceContext, type RequestContext, runInRequestContext } from '@app/logging';
import { type Operation, OperationClaimsRepository } from '@app/store';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import { HeldDeviceCodes } from '../device-codes/held-device-codes.js';
import { limitsOfServers } from '../infrastructure/server-limits.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { RestoreSessionEnds } from '../restore-sessions/restore-session-ends.js';
import { ClaimedOperations, type OperationOutcomeOf } from './claimed-operations.js';
import { FollowedOperations } from './followed-operations.js';
import { LeftOperations } from './left-operations.js';
import type { Lease } from './lease.js';
import { OperationNews } from './operation-news.js';
import { OperationSubmission } from './operation-submission.js';
import { Replica } from './replica.js';
import { RunningOperations } from './running-operations.js';

/** How often the queue is looked at for what no replica was told of, at most. */
const POLL_EVERY_MS = 5_000;

/**
 * Takes operations from the queue to their end. An accepted operation is run at once where it was accepted; polling takes over
 * what was left by others.
 */
@Injectable()
export class OperationRunner implements OnApplicationBootstrap, OnModuleDestroy {
  private cancelPoll: CancelTimer = () => undefined;
  private readonly perServer: ReadonlyMap<string, number>;

  constructor(
    private readonly claims: OperationClaimsRepository,
    private readonly replica: Replica,
    private readonly claimed: ClaimedOperations,
    private readonly submission: OperationSubmission,
    private readonly followed: FollowedOperations,
    private readonly left: LeftOperations,
    private readonly deviceCodes: HeldDeviceCodes,
    private readonly sessionEnds: RestoreSessionEnds,
    private readonly running: RunningOperations,
    private readonly news: OperationNews,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits' | 'backupServers'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.perServer = limitsOfServers(configuration, 'operations');
  }

  onApplicationBootstrap(): void {
    // A lease that is over is noticed within another one.
    const everyMs = Math.min(POLL_EVERY_MS, this.replica.leaseMs);
    this.cancelPoll = this.clock.schedule(() => {
      this.track(this.poll());
    }, everyMs);
  }

  /** Comes first in a shutdown: no new work. What upstream does by itself is left to others at once, the rest gets the grace to end. */
  onModuleDestroy(): void {
    this.cancelPoll();
    this.followed.leave();
  }

  /** Tells the runner that something was queued. */
  wake(): void {
    this.track(this.runQueue());
  }

  /**
   * Runs an operation that is claimed as it is accepted. A shutdown meanwhile gives it its grace.
   * @throws GatewayStoppingError, and what `accept` throws
   */
  async accepting(accept: () => Promise<Operation>): Promise<Operation> {
    this.replica.demandToStay();
    const accepted = accept();
    this.running.add(
      accepted.then((operation) => {
        this.begin(operation);
      }),
    );
    return accepted;
  }

  private begin(operation: Operation): void {
    this.news.announce(operation);
    this.track(this.run(operation));
  }

  private track(work: Promise<void>): void {
    this.running.add(
      work.catch((error: unknown) => {
        this.logger.error({ err: error }, 'the queue of operations could not be served; trying again');
      }),
    );
  }

  private async poll(): Promise<void> {
    try {
      await this.left.sweep();
      await this.takeOver();
      await this.runQueue();
    } finally {
      if (!this.replica.isStopping) {
        this.onApplicationBootstrap();
      }
    }
  }

  private async takeOver(): Promise<void> {
    while (!this.replica.isStopping) {
      const operation = await this.claims.takeOver(this.replica.claim());
      if (operation === undefined) {
        return;
      }
      this.logger.info({ operationId: operation.id }, 'operation taken over');
      this.begin(operation);
    }
  }

  private async runQueue(): Promise<void> {
    const { queueAgeMs, operationsPerOrganization: perOrganization } = this.configuration.limits;
    while (!this.replica.isStopping) {
      const queuedAfter = new Date(this.clock.now() - queueAgeMs);
      const operation = await this.claims.claimNext(this.replica.claim(), {
        queuedAfter,
        perOrganization,
        perServer: this.perServer,
      });
      if (operation === undefined) {
        return;
      }
      this.begin(operation);
    }
  }

  private run(operation: Operation): Promise<void> {
    return runInRequestContext(contextOf(operation), async () => {
      const lease = this.claimed.lease(operation);
      try {
        const end = await this.endOf(operation, lease);
        if (end === undefined) return;
        this.deviceCodes.forget(operation.id);
        await this.claimed.endSurely(operation, end);
      } finally {
        lease.stop();
      }
      this.track(this.sessionEnds.stopAfter(operation));
      // The session is free now: another of its operations may be waiting.
      await this.runQueue();
    });
  }

  /** Undefined when it waits again, or was left to other replicas. */
  private async endOf(operation: Operation, lease: Lease): Promise<OperationOutcomeOf | undefined> {
    if (operation.state === 'following') {
      return this.followed.follow(operation);
    }
    const submitted = await this.submission.submit(operation, lease);
    switch (submitted.kind) {
      case 'ended':
        return submitted.end;
      case 'following':
        return this.followed.follow(submitted.operation);
      case 'left':
        return undefined;
    }
  }
}

/** What an operation causes belongs to the request that asked for it, and not to the one that happened to wake the queue. */
function contextOf({ requestId, traceId, sourceAddress }: Operation): RequestContext {
  const fresh = newTraceContext();
  return { ...fresh, traceId: traceId ?? fresh.traceId, requestId, sourceAddress };
}
