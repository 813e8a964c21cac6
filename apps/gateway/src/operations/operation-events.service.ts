import type { Principal } from '@app/identity';
import { InternalError, StoreUnavailableError, ValidationFailedError } from '@app/problems';
import { isFinal, type Operation, type OperationEvent, OperationsRepository } from '@app/store';
import { Injectable } from '@nestjs/common';

import { LAST_EVENT_ID } from '../http/last-event-id.js';
import { OperationNews, type OperationWatch } from './operation-news.js';
import { OperationsService } from './operations.service.js';

/** Events that are read at a time. */
const PAGE = 20;

/** An event, and the operation as it was then or later. */
export interface WatchedEvent {
  readonly event: OperationEvent;
  readonly operation: Operation;
}

/** What happens to an operation, as its caller watches it. */
@Injectable()
export class OperationEventsService {
  constructor(
    private readonly operations: OperationsService,
    private readonly repository: OperationsRepository,
    private readonly news: OperationNews,
  ) {}

  /**
   * The events after that one, as they come, to the last one there will be: each once, in their order. While the database is away, none
   * come.
   *
   * @param seen the last event that the caller has; 0 for none
   * @param over ends it when aborted
   * @returns undefined when the operation has ended and there is nothing left to tell
   * @throws NotFoundError unless it is the caller's, ValidationFailedError when it has no such event
   */
  async follow(
    principal: Principal,
    id: string,
    seen: number,
    over: AbortSignal,
  ): Promise<AsyncIterable<WatchedEvent> | undefined> {
    const operation = await this.operations.find(principal, id);
    if (seen > operation.lastSequence) {
      throw new ValidationFailedError([{ field: LAST_EVENT_ID, message: 'is no event of this operation' }]);
    }
    return isFinal(operation.state) && seen === operation.lastSequence
      ? undefined
      : this.events(principal, operation, seen, over);
  }

  private async *events(
    principal: Principal,
    { id }: Operation,
    after: number,
    over: AbortSignal,
  ): AsyncGenerator<WatchedEvent> {
    const watch = this.news.watch({ id });
    try {
      for (let seen = after; !over.aborted;) {
        const page = await this.page(principal, id, seen);
        if (page !== undefined) {
          const { operation, events } = page;
          for (const event of events) {
            yield { event, operation };
            seen = event.sequence;
          }
          if (seen < operation.lastSequence) continue;
          if (isFinal(operation.state)) return;
        }
        await newsOf(watch, seen, over);
      }
    } finally {
      watch.stop();
    }
  }

  /** Decided on anew each time; undefined while the database is away. */
  private async page(
    principal: Principal,
    id: string,
    seen: number,
  ): Promise<{ operation: Operation; events: readonly OperationEvent[] } | undefined> {
    try {
      const operation = await this.operations.find(principal, id);
      if (operation.lastSequence === seen) return { operation, events: [] };
      const events = await this.repository.listEvents(operation, seen, PAGE);
      if (events.length === 0) throw new InternalError('Events of an operation are missing.');
      return { operation, events };
    } catch (error) {
      if (error instanceof StoreUnavailableError) return undefined;
      throw error;
    }
  }
}

/** Resolves when there may be news, or it is over; while the database is away there are none. */
async function newsOf(watch: OperationWatch, seen: number, over: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await watch.news(seen, over);
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }
}
