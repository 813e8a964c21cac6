import { type Clock } from '@app/clock';
import { isFinal, type Operation, OperationsRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK } from '../infrastructure/tokens.js';
import { OperationNews } from './operation-news.js';

/** Lets requests wait for the end of an operation. */
@Injectable()
export class OperationEnds {
  constructor(
    private readonly operations: OperationsRepository,
    private readonly news: OperationNews,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The operation in its final state, or as it stands after `waitMs`. */
  async wait(operation: Operation, waitMs: number): Promise<Operation> {
    if (waitMs <= 0 || isFinal(operation.state)) {
      return operation;
    }
    const enough = new AbortController();
    const cancel = this.clock.schedule(() => {
      enough.abort();
    }, waitMs);
    const watch = this.news.watch(operation);
    try {
      for (let latest = operation; ;) {
        // It may have ended before we watched.
        latest = (await this.operations.find(operation.id, operation.owner)) ?? latest;
        if (isFinal(latest.state) || enough.signal.aborted) {
          return latest;
        }
        await watch.news(latest.lastSequence, enough.signal);
      }
    } finally {
      watch.stop();
      cancel();
    }
  }
}
