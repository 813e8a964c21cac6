import { type Clock, sleep } from '@app/clock';
import { type Logger, Metrics } from '@app/logging';
import { DomainError, type ProblemCode, StoreUnavailableError } from '@app/problems';
import {
  type LastProgress,
  type Operation,
  OperationClaimsRepository,
  type OperationEnd,
  type OperationProgress,
  RestoreSessionsRepository,
} from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail, type RecordedEnd } from '../audit/audit-trail.js';
import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import { Lease } from './lease.js';
import { LostClaimError } from './lost-claim.error.js';
import { OperationNews } from './operation-news.js';
import { Replica } from './replica.js';

/** An end as whoever ran the operation knows it. */
export type OperationOutcomeOf = Omit<OperationEnd, 'endedAt'> & Pick<RecordedEnd, 'brokenBy'>;

const RECORD_AGAIN_MS = 250;

/** What a replica owes the operations it has claimed: a lease that is kept, and an end that is recorded and made known. */
@Injectable()
export class ClaimedOperations {
  private readonly givingUp = new AbortController();

  constructor(
    private readonly claims: OperationClaimsRepository,
    private readonly sessions: RestoreSessionsRepository,
    private readonly replica: Replica,
    private readonly news: OperationNews,
    private readonly trail: AuditTrail,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The lease of a claim, from where the claim left it, renewed until it is stopped. */
  lease(operation: Operation): Lease {
    return new Lease(operation.leaseUntil ?? new Date(this.clock.now()), {
      clock: this.clock,
      durationMs: this.replica.leaseMs,
      renewEveryMs: this.replica.renewEveryMs,
      renew: (until) => this.claims.renewLease(operation, until),
      onFailure: (error) => {
        this.logger.warn({ err: error, operationId: operation.id }, 'the lease of an operation could not be renewed');
      },
    });
  }

  /**
   * Records that an operation is about to go upstream, and renews its lease in the same transaction.
   * @throws LostClaimError, or StoreUnavailableError when it cannot be recorded: nothing may be sent then
   */
  async start(operation: Operation, lease: Lease): Promise<void> {
    const until = this.replica.leaseEnd();
    const sentAt = new Date(this.clock.now());
    const isOurs = await this.trail.starting(operation, (statements) =>
      new OperationClaimsRepository(statements).beginSending(operation, sentAt, until),
    );
    if (!isOurs) {
      throw new LostClaimError();
    }
    lease.renewedUntil(until);
  }

  /** Gives an operation back to the queue of which nothing took effect upstream, for another try after a while. */
  async release(operation: Operation, waitMs: number): Promise<void> {
    const now = this.clock.now();
    await this.surely(() => this.claims.release(operation, new Date(now), new Date(now + waitMs)));
    this.news.announce(operation);
  }

  /** Records where upstream goes on. @returns undefined when the claim was lost */
  async follow(operation: Operation, followedSessionId: string): Promise<Operation | undefined> {
    const followed = await this.surely(() =>
      this.claims.follow(operation, new Date(this.clock.now()), followedSessionId),
    );
    if (followed) this.news.announce(followed);
    return followed;
  }

  /** @throws StoreUnavailableError */
  async addProgress(operation: Operation, progress: OperationProgress, last: LastProgress): Promise<void> {
    await this.claims.addProgress(operation, new Date(this.clock.now()), progress, last);
    this.news.announce(operation);
  }

  /** Lets other replicas go on with an operation that upstream does by itself. */
  async handOver(operation: Operation): Promise<void> {
    await this.claims.handOver(operation, new Date(this.clock.now()));
  }

  /**
   * Records the end of an operation unless somebody else has.
   * @returns false when its claim was lost: nothing was written
   * @throws StoreUnavailableError
   */
  async end(operation: Operation, end: OperationOutcomeOf): Promise<boolean> {
    const endedAt = new Date(this.clock.now());
    const ended = await this.trail.ending(operation, end, (statements) =>
      new OperationClaimsRepository(statements).end(operation, { ...end, endedAt }),
    );
    if (ended === undefined) {
      this.logger.warn({ operationId: operation.id }, 'an operation was ended by another replica meanwhile');
      return false;
    }
    this.report(ended);
    return true;
  }

  /** As `end`, tried until it is recorded: what upstream said would be lost otherwise. */
  async endSurely(operation: Operation, end: OperationOutcomeOf): Promise<void> {
    await this.surely(() => this.end(operation, end));
  }

  /** Makes an end known that is on record; until then its restore session was in use. */
  report(operation: Operation): void {
    const { id: operationId, action, state, restoreSessionId } = operation;
    this.sessions.touch(restoreSessionId, operation.endedAt ?? operation.requestedAt).catch((error: unknown) => {
      this.logger.warn({ err: error, operationId }, 'the use of a restore session could not be recorded');
    });
    this.metrics.countOperation(action, state);
    this.logger.info({ operationId, action, state }, 'operation ended');
    this.news.announce(operation);
  }

  /** From then on nothing is tried again: the database is about to be closed. */
  giveUp(): void {
    this.givingUp.abort(new StoreUnavailableError('The gateway is stopping.'));
  }

  /** While the database is away, again and again. */
  private async surely<T>(record: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await record();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || this.givingUp.signal.aborted) throw error;
        this.logger.warn({ err: error }, 'what became of an operation could not be recorded; trying again');
      }
      await sleep(this.clock, RECORD_AGAIN_MS, this.givingUp.signal);
    }
  }
}

/** What the record says of a failure: its code, and the text that a caller may read. */
export function toOperationProblem(error: unknown): { code: ProblemCode; detail: string } {
  return error instanceof DomainError
    ? { code: error.code, detail: error.message }
    : { code: 'internal-error', detail: 'The gateway failed.' };
}
