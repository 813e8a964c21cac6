import type { CancelTimer, Clock } from '@app/clock';
import { type Logger, Metrics } from '@app/logging';
import { DomainError, OperationConflictError, type ProblemCode } from '@app/problems';
import { type Operation, type OperationEnd, OperationsRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import { OperationEnds } from './operation-ends.js';
import { Replica } from './replica.js';

/** What a replica owes the operations it has claimed: a lease that is kept, and an end that is recorded and made known. */
@Injectable()
export class ClaimedOperations {
  constructor(
    private readonly operations: OperationsRepository,
    private readonly replica: Replica,
    private readonly ends: OperationEnds,
    private readonly trail: AuditTrail,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Renews the lease until the returned function is called. */
  keepLease({ id, epoch }: Operation): CancelTimer {
    let cancel: CancelTimer = () => undefined;
    const renewLater = () => {
      cancel = this.clock.schedule(() => {
        this.operations.renewLease(id, epoch, this.replica.leaseEnd()).catch((error: unknown) => {
          this.logger.warn({ err: error, operationId: id }, 'the lease of an operation could not be renewed');
        });
        renewLater();
      }, this.replica.renewEveryMs);
    };
    renewLater();
    return () => {
      cancel();
    };
  }

  /**
   * Records that an operation is about to go upstream, and renews its lease in the same transaction.
   * @throws OperationConflictError when the claim was lost, StoreUnavailableError when it cannot be recorded: nothing may be
   *   sent then
   */
  async start(operation: Operation): Promise<void> {
    const { id, epoch } = operation;
    const isOurs = await this.trail.starting(operation, (statements) =>
      new OperationsRepository(statements).renewLease(id, epoch, this.replica.leaseEnd()),
    );
    if (!isOurs) {
      throw new OperationConflictError('Another replica has taken the operation over.');
    }
  }

  /** Records the end of an operation unless somebody else has: then its claim was lost, and nothing is written. */
  async end(operation: Operation, end: Omit<OperationEnd, 'endedAt'>): Promise<void> {
    const { id, epoch } = operation;
    const endedAt = new Date(this.clock.now());
    const ended = await this.trail.ending(operation, end, (statements) =>
      new OperationsRepository(statements).end(id, epoch, { ...end, endedAt }),
    );
    if (ended === undefined) {
      this.logger.warn({ operationId: id }, 'an operation was ended by another replica meanwhile');
    } else {
      this.report(ended);
    }
  }

  /** Ends what replicas that are gone have left: running, or waiting since before `queuedBefore`. */
  async endLeftovers(queuedBefore: Date): Promise<void> {
    const now = new Date(this.clock.now());
    const ended = [
      ...(await this.operations.listAbandoned(now)).map((operation) =>
        this.trail.ending(operation, { state: 'interrupted', problem: abandoned }, (statements) =>
          new OperationsRepository(statements).interruptAbandoned(operation, now, abandoned),
        ),
      ),
      ...(await this.operations.listOverdue(queuedBefore)).map((operation) =>
        this.trail.ending(operation, { state: 'failed', problem: overdue }, (statements) =>
          new OperationsRepository(statements).failOverdue(operation, now, overdue),
        ),
      ),
    ];
    for (const operation of await Promise.all(ended)) {
      // Undefined is what another replica has ended meanwhile, or went on with.
      if (operation !== undefined) this.report(operation);
    }
  }

  private report(operation: Operation): void {
    const { id: operationId, action, state } = operation;
    this.metrics.countOperation(action, state);
    this.logger.info({ operationId, action, state }, 'operation ended');
    this.ends.announce(operation);
  }
}

const abandoned = {
  code: 'upstream-broken',
  detail: 'The gateway stopped while the operation ran; it may have been done.',
} satisfies { code: ProblemCode; detail: string };

const overdue = {
  code: 'operation-conflict',
  detail: 'The operation waited too long for its turn.',
} satisfies { code: ProblemCode; detail: string };

/** What the record says of a failure: its code, and the text that a caller may read. */
export function toOperationProblem(error: unknown): { code: ProblemCode; detail: string } {
  return error instanceof DomainError
    ? { code: error.code, detail: error.message }
    : { code: 'internal-error', detail: 'The gateway failed.' };
}
