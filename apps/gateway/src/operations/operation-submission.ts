import { DEVICE_CODE, type ProfileAction } from '@app/config';
import type { Logger } from '@app/logging';
import { DomainError, InternalError, type ProblemCode } from '@app/problems';
import { type Operation, RestoreSessionsRepository } from '@app/store';
import {
  ActionAnswerUnknownError,
  ActionNotSentError,
  type ActionResult,
  BackupServers,
  upstreamMessageOf,
} from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { CredentialProfilesService } from '../credential-profiles/credential-profiles.service.js';
import { unknownDeviceCode } from '../device-codes/device-codes.service.js';
import { HeldDeviceCodes } from '../device-codes/held-device-codes.js';
import { LOGGER } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { RestoreSessionReopening } from '../restore-sessions/restore-session-reopening.js';
import { BlockingProgress } from './blocking-progress.js';
import { ClaimedOperations, type OperationOutcomeOf, toOperationProblem } from './claimed-operations.js';
import type { Lease } from './lease.js';
import { LostClaimError } from './lost-claim.error.js';
import { endOf } from './outcome.js';
import { StartDecisions } from './start-decisions.js';
import type { StoredRequest } from './stored-request.js';

/** What came of taking an operation to upstream. */
export type Submitted =
  | { readonly kind: 'ended'; readonly end: OperationOutcomeOf }
  | { readonly kind: 'following'; readonly operation: Operation }
  /** Back in the queue, or no longer ours. */
  | { readonly kind: 'left' };

/** An operation that is on record as about to go upstream, in the session that it names. */
interface Started {
  readonly operation: Operation;
  readonly send: (mayStillSend: () => boolean) => Promise<ActionResult>;
}

/** Why it may be known, or recorded, only later whether an operation may start. */
const passing: ReadonlySet<ProblemCode> = new Set([
  'upstream-unavailable',
  'upstream-timeout',
  'upstream-broken',
  'store-unavailable',
  'operation-conflict',
]);

/** Until an operation is tried again that could not be begun, ms. */
const TRY_AGAIN_MS = 5_000;

/** Nothing of an operation was sent, and it may be sent later. */
class CannotStartYet extends Error {
  constructor(override readonly cause: DomainError) {
    super(cause.message);
  }
}

/** Takes an operation to upstream, once: whatever breaks after it was sent ends the operation, and nothing sends it again. */
@Injectable()
export class OperationSubmission {
  constructor(
    private readonly sessions: RestoreSessionsRepository,
    private readonly reopening: RestoreSessionReopening,
    private readonly decisions: StartDecisions,
    private readonly claimed: ClaimedOperations,
    private readonly progress: BlockingProgress,
    private readonly servers: BackupServers,
    private readonly profiles: CredentialProfilesService,
    private readonly deviceCodes: HeldDeviceCodes,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws what kept the result from being recorded: nobody knows the end then, and it is left to whoever comes after the lease */
  async submit(operation: Operation, lease: Lease): Promise<Submitted> {
    let result: ActionResult;
    try {
      const started = await this.started(operation, lease);
      result = await this.progress.during(started.operation, () => started.send(lease.allowsSending));
    } catch (error) {
      return this.failed(operation, error);
    }
    return this.taken(operation, result);
  }

  private async sessionOf({ restoreSessionId }: Operation): Promise<RestoreSession> {
    const session = await this.sessions.get(restoreSessionId);
    if (session === undefined) {
      throw new InternalError('The restore session of the operation is gone.');
    }
    return session;
  }

  /**
   * What is to be sent of an operation that is still permitted, once it is on record that it starts.
   * @throws CannotStartYet when that cannot be found out or recorded now
   * @throws LostClaimError
   * @throws what the record and the caller are told when it is not permitted, or lacks something
   */
  private async started(operation: Operation, lease: Lease): Promise<Started> {
    try {
      // Nothing of it was sent: its session may still be opened again.
      const upstreamSessionId = await this.reopening.within(await this.sessionOf(operation), async (session) => {
        await this.decisions.decide(operation, session);
        return session.upstreamSessionId;
      });
      if (operation.credential === DEVICE_CODE && operation.upstreamSessionId !== upstreamSessionId) {
        throw unknownDeviceCode();
      }
      const sentVersion = await this.servers.of(operation).apiVersion();
      const starting = { ...operation, upstreamSessionId, sentVersion };
      const send = this.prepared(starting, upstreamSessionId);
      await this.claimed.start(starting, lease);
      return { operation: starting, send };
    } catch (error) {
      throw error instanceof DomainError && passing.has(error.code) ? new CannotStartYet(error) : error;
    }
  }

  /** What it lacks is missed here, before it is on record that it starts. */
  private prepared(operation: Operation, upstreamSessionId: string): Started['send'] {
    const { item } = operation;
    const client = this.servers.of(operation);
    const request = operation.request as StoredRequest;
    switch (request.action) {
      case 'restore': {
        const credentials = this.credentials(operation, 'restore');
        return (mayStillSend) => client.restore(upstreamSessionId, item, request, credentials, mayStillSend);
      }
      case 'copy': {
        const credentials = this.credentials(operation, 'copy');
        return (mayStillSend) => client.copy(upstreamSessionId, item, request, credentials, mayStillSend);
      }
      case 'send':
        return (mayStillSend) => client.send(upstreamSessionId, item, request, mayStillSend);
      case 'save':
        throw new InternalError('A download runs in its own request.');
    }
  }

  private async taken(operation: Operation, result: ActionResult): Promise<Submitted> {
    if (result.kind === 'finished') {
      return { kind: 'ended', end: endOf(operation, result.outcome) };
    }
    const followed = await this.claimed.follow(operation, result.upstreamSessionId);
    return followed ? { kind: 'following', operation: followed } : { kind: 'left' };
  }

  private async failed(operation: Operation, error: unknown): Promise<Submitted> {
    const { id: operationId, action, backupServer } = operation;
    if (error instanceof LostClaimError) return { kind: 'left' };
    if (error instanceof CannotStartYet) {
      this.logger.warn({ err: error.cause, operationId, backupServer }, 'an operation cannot start yet; it waits');
      await this.claimed.release(operation, TRY_AGAIN_MS);
      return { kind: 'left' };
    }
    this.logger.warn(
      { err: error, upstreamMessage: upstreamMessageOf(error), operationId, action, backupServer },
      'operation failed',
    );
    if (error instanceof ActionNotSentError && passing.has(error.code)) {
      await this.claimed.release(operation, TRY_AGAIN_MS);
      return { kind: 'left' };
    }
    const state = error instanceof ActionAnswerUnknownError ? 'interrupted' : 'failed';
    return { kind: 'ended', end: { state, problem: toOperationProblem(error) } };
  }

  private credentials({ id, organizationName, credential }: Operation, action: ProfileAction) {
    return this.deviceCodes.credentials(id) ?? this.profiles.credentials(organizationName, action, credential);
  }
}
