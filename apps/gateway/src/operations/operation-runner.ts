import type { CancelTimer, Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { type Logger, newTraceContext, type RequestContext, runInRequestContext } from '@app/logging';
import { DomainError, InternalError, type ProblemCode, SessionStoppedError } from '@app/problems';
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
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { RestoreSessionEnds } from '../restore-sessions/restore-session-ends.js';
import { ClaimedOperations, toOperationProblem } from './claimed-operations.js';
import { stateOf } from './outcome.js';
import { Replica } from './replica.js';
import { RunningOperations } from './running-operations.js';
import { StartDecisions } from './start-decisions.js';
import type { StoredRequest } from './stored-request.js';

/** How often the queue is looked at for what no replica was told of. */
const POLL_EVERY_MS = 5_000;

/** Why it may be known, or recorded, only later whether an operation is permitted. */
const passing: ReadonlySet<ProblemCode> = new Set([
  'upstream-unavailable',
  'upstream-timeout',
  'upstream-broken',
  'upstream-login-failed',
  'store-unavailable',
]);

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
    private readonly decisions: StartDecisions,
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
      this.track(runInRequestContext(contextOf(operation), () => this.run(operation)));
    }
  }

  private async run(operation: Operation): Promise<void> {
    const stopRenewing = this.claimed.keepLease(operation);
    try {
      const end = await this.endOf(operation);
      if (end === 'not-yet') return;
      this.deviceCodes.forget(operation.id);
      await this.claimed.end(operation, end);
    } finally {
      stopRenewing();
    }
    // The session is free now: another of its operations may be waiting.
    await this.runQueue();
  }

  /** @returns `not-yet` when it waits for another try, with nothing sent */
  private async endOf(operation: Operation): Promise<Omit<OperationEnd, 'endedAt'> | 'not-yet'> {
    try {
      const send = await this.started(operation);
      return send === undefined ? 'not-yet' : toEnd(await send());
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
      return { state, problem: toOperationProblem(error) };
    }
  }

  private async sessionOf({ restoreSessionId }: Operation): Promise<RestoreSession> {
    const session = await this.sessions.get(restoreSessionId);
    if (session === undefined) {
      throw new InternalError('The restore session of the operation is gone.');
    }
    return session;
  }

  /**
   * What is to be sent of an operation that is still permitted, once it is on record that it starts; undefined when that cannot be found
   * out or recorded now, and it waits for another try.
   * @throws what the record and the caller are told when it is not permitted, or lacks something
   */
  private async started(operation: Operation): Promise<(() => Promise<ActionResult>) | undefined> {
    try {
      const session = await this.sessionOf(operation);
      await this.decisions.decide(operation, session);
      const send = this.prepared(operation, session);
      await this.claimed.start(operation);
      return send;
    } catch (error) {
      if (!(error instanceof DomainError) || !passing.has(error.code)) throw error;
      const { id: operationId, epoch } = operation;
      this.logger.warn({ err: error, operationId }, 'an operation cannot start yet; it waits');
      await this.operations.release(operationId, epoch, new Date(this.clock.now() + POLL_EVERY_MS));
      return undefined;
    }
  }

  /** What it lacks is missed here, before it is on record that it starts. */
  private prepared(operation: Operation, { upstreamSessionId }: RestoreSession): () => Promise<ActionResult> {
    const { item } = operation;
    const request = operation.request as StoredRequest;
    switch (request.action) {
      case 'restore': {
        const credentials = this.credentials(operation);
        return () => this.client.restore(upstreamSessionId, item, request, credentials);
      }
      case 'copy': {
        const credentials = this.credentials(operation);
        return () => this.client.copy(upstreamSessionId, item, request, credentials);
      }
      case 'send':
        return () => this.client.send(upstreamSessionId, item, request);
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

/** What an operation causes belongs to the request that asked for it, and not to the one that happened to wake the queue. */
function contextOf({ requestId, traceId, sourceAddress }: Operation): RequestContext {
  const fresh = newTraceContext();
  return { ...fresh, traceId: traceId ?? fresh.traceId, requestId, sourceAddress };
}
