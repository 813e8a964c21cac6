import type { CancelTimer, Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Logger } from '@app/logging';
import { InternalError, SessionStoppedError } from '@app/problems';
import {
  type FinalOperationState,
  type Operation,
  type OperationEnd,
  OperationsRepository,
  RestoreSessionsRepository,
} from '@app/store';
import { type ActionResult, ActionAnswerUnknownError, upstreamMessageOf, VeeamClient } from '@app/veeam-client';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import { CredentialProfilesService } from '../credential-profiles/credential-profiles.service.js';
import { HeldDeviceCodes } from '../device-codes/held-device-codes.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { RestoreSessionEnds } from '../restore-sessions/restore-session-ends.js';
import { ClaimedOperations, toOperationProblem } from './claimed-operations.js';
import { stateOf } from './outcome.js';
import { Replica } from './replica.js';
import { RunningOperations } from './running-operations.js';
import type { StoredRequest } from './stored-request.js';

/** How often the queue is looked at for what no replica was told of. */
const POLL_EVERY_MS = 5_000;

/**
 * Takes operations from the queue to upstream. An accepted operation is run at once where it was accepted; polling takes over
 * what was left. A request goes upstream once: whatever breaks afterwards ends the operation, and nothing sends it again.
 */
@Injectable()
export class OperationRunner implements OnApplicationBootstrap, OnModuleDestroy {
  private cancelPoll: CancelTimer = () => undefined;
  private isStopping = false;

  constructor(
    private readonly operations: OperationsRepository,
    private readonly sessions: RestoreSessionsRepository,
    private readonly sessionEnds: RestoreSessionEnds,
    private readonly client: VeeamClient,
    private readonly profiles: CredentialProfilesService,
    private readonly deviceCodes: HeldDeviceCodes,
    private readonly replica: Replica,
    private readonly claimed: ClaimedOperations,
    private readonly running: RunningOperations,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.cancelPoll = this.clock.schedule(() => {
      this.track(this.poll());
    }, POLL_EVERY_MS);
  }

  /** Comes first in a shutdown: no new work, while what runs gets the grace to end. */
  onModuleDestroy(): void {
    this.isStopping = true;
    this.cancelPoll();
  }

  /** Tells the runner that something was queued. */
  wake(): void {
    this.track(this.runQueue());
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
      await this.claimed.endLeftovers(this.oldestQueued());
      await this.runQueue();
    } finally {
      if (!this.isStopping) {
        this.onApplicationBootstrap();
      }
    }
  }

  private async runQueue(): Promise<void> {
    while (!this.isStopping) {
      const operation = await this.operations.claimNext(this.replica.claim(), this.oldestQueued());
      if (operation === undefined) {
        return;
      }
      this.track(this.run(operation));
    }
  }

  private async run(operation: Operation): Promise<void> {
    const stopRenewing = this.claimed.keepLease(operation);
    let end: Omit<OperationEnd, 'endedAt'>;
    try {
      end = toEnd(await this.submit(operation));
    } catch (error) {
      const { id: operationId, action } = operation;
      this.logger.warn(
        { err: error, upstreamMessage: upstreamMessageOf(error), operationId, action },
        'operation failed',
      );
      if (error instanceof SessionStoppedError) {
        await this.sessionEnds.endedUpstream(operation.restoreSessionId);
      }
      const state = error instanceof ActionAnswerUnknownError ? 'interrupted' : 'failed';
      end = { state, problem: toOperationProblem(error) };
    } finally {
      stopRenewing();
      this.deviceCodes.forget(operation.id);
    }
    await this.claimed.end(operation, end);
    // The session is free now: another of its operations may be waiting.
    await this.runQueue();
  }

  private async submit(operation: Operation): Promise<ActionResult> {
    const session = await this.sessions.get(operation.restoreSessionId);
    if (session === undefined) {
      throw new InternalError('The restore session of the operation is gone.');
    }
    const { upstreamSessionId } = session;
    const { item } = operation;
    const request = operation.request as StoredRequest;
    switch (request.action) {
      case 'restore':
        return this.client.restore(upstreamSessionId, item, request, this.credentials(operation));
      case 'copy':
        return this.client.copy(upstreamSessionId, item, request, this.credentials(operation));
      case 'send':
        return this.client.send(upstreamSessionId, item, request);
      case 'save':
        throw new InternalError('A download runs in its own request.');
    }
  }

  private credentials(operation: Operation) {
    return (
      this.deviceCodes.credentials(operation.id) ??
      this.profiles.credentials(operation.organizationName, operation.credential)
    );
  }

  private oldestQueued(): Date {
    return new Date(this.clock.now() - this.configuration.limits.queueAgeMs);
  }
}

function toEnd(result: ActionResult): { state: FinalOperationState; outcome: OperationEnd['outcome'] } {
  if (result.kind === 'following') {
    throw new InternalError('Following an operation upstream is not known to this version.');
  }
  return { state: stateOf(result.outcome), outcome: result.outcome };
}
