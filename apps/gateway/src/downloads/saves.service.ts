import type { Principal } from '@app/identity';
import type { Logger } from '@app/logging';
import { StoreUnavailableError } from '@app/problems';
import type { Operation, OperationProblem } from '@app/store';
import { BackupServers, type SaveStream } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import type { ActionTarget, SaveRequest } from '../actions/action-request.js';
import { ActionsService } from '../actions/actions.service.js';
import { OperatorCeilings, OverCeilingError } from '../actions/operator-ceilings.js';
import { LOGGER } from '../infrastructure/tokens.js';
import { ClaimedOperations, toOperationProblem } from '../operations/claimed-operations.js';
import type { Lease } from '../operations/lease.js';
import { LostClaimError } from '../operations/lost-claim.error.js';
import { fileOf } from './download-file.js';
import type { DownloadResult, FailedDownload } from './deliver-download.js';

/** What ends a download before it is whole; each is of that download alone. */
export interface DownloadSignals {
  /** Aborted when the caller leaves. */
  readonly callerGone: AbortSignal;
  /** Aborted when the gateway breaks it off. */
  readonly brokenOff: AbortSignal;
}

/** A download whose first byte is at hand. It must be finished, however it goes. */
export interface RunningSave {
  readonly operation: Operation;
  readonly stream: SaveStream;
  readonly fileName: string;
  readonly isZip: boolean;
  /** Records how it ended; called once. Rejects when it could not, or another replica has ended it: then it must not look whole. */
  readonly finish: (result: DownloadResult) => Promise<void>;
}

/** Runs `save` operations, which live and die with their request. */
@Injectable()
export class SavesService {
  constructor(
    private readonly actions: ActionsService,
    private readonly claimed: ClaimedOperations,
    private readonly servers: BackupServers,
    private readonly ceilings: OperatorCeilings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @param signals upstream's request is canceled by either */
  async start(
    principal: Principal,
    target: ActionTarget,
    request: SaveRequest,
    { callerGone, brokenOff }: DownloadSignals,
  ): Promise<RunningSave> {
    const { operation, session, found, release } = await this.actions.startSave(principal, target, request);
    const lease = this.claimed.lease(operation);
    let offered: SaveStream | undefined;
    try {
      if (!lease.allowsSending()) {
        throw new StoreUnavailableError('It took too long to record the download; nothing of it was sent.');
      }
      offered = await this.servers
        .of(session)
        .save(session.upstreamSessionId, operation.item, request, AbortSignal.any([callerGone, brokenOff]));
      const stream = await this.ceilings.bounded(operation, offered);
      return {
        operation,
        stream,
        ...fileOf(found, request, session.pointInTime),
        finish: (result) => this.finish(principal, operation, result, lease).finally(release),
      };
    } catch (error) {
      // Nobody is to read it: its connection and upstream's work end here.
      offered?.body.on('error', ignore).destroy();
      release();
      lease.stop();
      const ours = brokenOff.aborted ? 'gateway' : undefined;
      const brokenBy = callerGone.aborted ? 'caller' : ours;
      const problem = brokenBy === 'caller' ? undefined : toOperationProblem(error);
      await this.claimed.end(operation, { state: 'failed', problem, brokenBy });
      if (error instanceof OverCeilingError) await this.ceilings.record(principal, operation, operation.id);
      throw error;
    }
  }

  private async finish(
    principal: Principal,
    operation: Operation,
    result: DownloadResult,
    lease: Lease,
  ): Promise<void> {
    lease.stop();
    if (result.state === 'succeeded') {
      const { state, bytes, sha256 } = result;
      if (!(await this.claimed.end(operation, { state, bytes, sha256 }))) throw new LostClaimError();
      return;
    }
    const { bytes, brokenBy, cause } = result;
    this.logger.warn({ err: cause, operationId: operation.id, brokenBy, bytes }, 'download broke off');
    const end = { state: 'failed', bytes } as const;
    const isOverCeiling = cause instanceof OverCeilingError;
    await this.claimed.end(
      operation,
      isOverCeiling
        ? { ...end, problem: toOperationProblem(cause), brokenBy: 'gateway' }
        : { ...end, problem: problemOf(brokenBy, cause), brokenBy },
    );
    if (isOverCeiling) await this.ceilings.record(principal, operation, operation.id);
  }
}

function ignore(): void {
  // Destroying a body may emit an error; the one that counts is thrown.
}

/** A caller who left needs nobody to say so. */
function problemOf(brokenBy: FailedDownload['brokenBy'], cause: Error): OperationProblem | undefined {
  switch (brokenBy) {
    case 'caller':
      return undefined;
    case 'upstream':
      return { code: 'upstream-broken', detail: 'The backup server cut the download off.' };
    case 'gateway':
      return toOperationProblem(cause);
    case 'store':
      return { code: 'store-unavailable', detail: 'The outcome of the download could not be recorded.' };
  }
}
