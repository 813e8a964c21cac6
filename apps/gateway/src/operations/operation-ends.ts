import { EventEmitter } from 'node:events';

import { type CancelTimer, type Clock } from '@app/clock';
import { isFinal, type Operation, OperationsRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK } from '../infrastructure/tokens.js';

/** How often an operation is looked at that another replica may be running. */
const LOOK_EVERY_MS = 1_000;

/** Lets requests wait for the end of an operation. */
@Injectable()
export class OperationEnds {
  private readonly ended = new EventEmitter().setMaxListeners(0);

  constructor(
    private readonly operations: OperationsRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  announce(operation: Operation): void {
    this.ended.emit(operation.id, operation);
  }

  /** The operation in its final state, or as it stands after `waitMs`. */
  async wait(operation: Operation, waitMs: number): Promise<Operation> {
    if (waitMs <= 0) {
      return operation;
    }
    const deadline = this.clock.now() + waitMs;
    let latest = operation;
    while (!isFinal(latest.state) && this.clock.now() < deadline) {
      const announced = this.nextEnd(operation.id, Math.min(LOOK_EVERY_MS, deadline - this.clock.now()));
      // It may have ended before we listened, or be running on another replica.
      const recorded = (await this.operations.find(operation.id, operation.owner)) ?? latest;
      latest = isFinal(recorded.state) ? recorded : ((await announced) ?? recorded);
    }
    return latest;
  }

  private nextEnd(id: string, waitMs: number): Promise<Operation | undefined> {
    return new Promise((resolve) => {
      let cancel: CancelTimer = () => undefined;
      const onEnd = (operation: Operation) => {
        cancel();
        resolve(operation);
      };
      this.ended.once(id, onEnd);
      cancel = this.clock.schedule(() => {
        this.ended.off(id, onEnd);
        resolve(undefined);
      }, waitMs);
    });
  }
}
