import { pipeline, Transform } from 'node:stream';

import type { Clock } from '@app/clock';
import { ConfigurationSource } from '@app/config';
import type { Principal } from '@app/identity';
import { RateLimitedError } from '@app/problems';
import { type Ceiling, type NewOperation, type Operation, OperationsRepository } from '@app/store';
import type { SaveStream } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK } from '../infrastructure/tokens.js';

const WINDOW_MS = 60 * 60_000;
const RETRY_AFTER_SECONDS = 5 * 60;

/** Stands where a refusal names its policies. */
const OPERATOR_CEILING = 'operator-ceiling';

/**
 * What one caller may do within an hour to OneDrives that are not the own ones: so much and no more can be taken out or put back
 * with one stolen token of an operator.
 */
@Injectable()
export class OperatorCeilings {
  constructor(
    private readonly configuration: ConfigurationSource,
    private readonly operations: OperationsRepository,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Undefined where nothing is to be counted. */
  of({ isOnOwnOneDrive }: Pick<Operation, 'isOnOwnOneDrive'>): Ceiling | undefined {
    const { actions, bytes } = this.configuration.current.operatorCeilings;
    if (isOnOwnOneDrive || (actions === undefined && bytes === undefined)) {
      return undefined;
    }
    return { since: new Date(this.clock.now() - WINDOW_MS), actions, bytes };
  }

  /**
   * The download, if it fits under the ceiling; one whose length nobody knows breaks off where it no longer does.
   * @throws OverCeilingError when its length does not fit, StoreUnavailableError; the stream is the caller's to end then
   */
  async bounded(operation: Operation, stream: SaveStream): Promise<SaveStream> {
    const ceiling = this.of(operation);
    const left = ceiling && (await this.operations.reserveBytes(operation, stream.contentLength, ceiling));
    if (left === undefined) {
      return stream;
    }
    if (stream.contentLength === undefined) {
      const body = upTo(left);
      // What breaks on either side breaks the other, and whoever reads the body is told.
      pipeline(stream.body, body, () => undefined);
      return { ...stream, body };
    }
    if (stream.contentLength > left) throw new OverCeilingError();
    return stream;
  }

  /**
   * Puts on record that an operation is beyond the ceiling.
   * @param operationId of one that was accepted, and then turned out to be
   */
  async record(principal: Principal, operation: NewOperation | Operation, operationId?: string): Promise<void> {
    const { action, organizationName: organization, backupServer, restoreSessionId, upstreamSessionId } = operation;
    const { item, reason, onBehalfOf } = operation;
    const decision = { allowed: false, policies: [OPERATOR_CEILING] };
    const session = { organization, backupServer, restoreSessionId, upstreamSessionId };
    await this.trail.decided(principal, action, decision, { ...session, operationId, item, reason, onBehalfOf });
  }
}

export class OverCeilingError extends RateLimitedError {
  constructor() {
    super("You have reached what may be done to other people's OneDrives within an hour.", {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}

function upTo(limit: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > limit) done(new OverCeilingError());
      else done(null, chunk);
    },
  });
}
