import type { CancelTimer, Clock } from '@app/clock';
import { type Logger, Metrics } from '@app/logging';
import { DomainError, type ProblemCode } from '@app/problems';
import { type Operation, type OperationEnd, OperationsRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

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

  /** Records the end of an operation unless somebody else has: then its claim was lost, and nothing is written. */
  async end({ id, epoch }: Operation, end: Omit<OperationEnd, 'endedAt'>): Promise<void> {
    const ended = await this.operations.end(id, epoch, { ...end, endedAt: new Date(this.clock.now()) });
    if (ended === undefined) {
      this.logger.warn({ operationId: id }, 'an operation was ended by another replica meanwhile');
    } else {
      this.report(ended);
    }
  }

  report(operation: Operation): void {
    const { id: operationId, action, state } = operation;
    this.metrics.countOperation(action, state);
    this.logger.info({ operationId, action, state }, 'operation ended');
    this.ends.announce(operation);
  }
}

/** What the record says of a failure: its code, and the text that a caller may read. */
export function toOperationProblem(error: unknown): { code: ProblemCode; detail: string } {
  return error instanceof DomainError
    ? { code: error.code, detail: error.message }
    : { code: 'internal-error', detail: 'The gateway failed.' };
}
