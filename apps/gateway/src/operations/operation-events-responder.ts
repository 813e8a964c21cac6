import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { type Principal, tokenEndOf } from '@app/identity';
import { type Logger, Metrics } from '@app/logging';
import { RateLimitedError } from '@app/problems';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import { CallerSlots } from '../http/caller-slots.js';
import { deliverEvents, type ServerSentEvent } from '../http/event-stream.js';
import { lastEventId } from '../http/last-event-id.js';
import { headersOf } from '../http/reply-headers.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { OperationEventsService, type WatchedEvent } from './operation-events.service.js';
import { toServerSentEvent } from './operation-presenter.js';

const RETRY_AFTER_SECONDS = 30;

/** Answers a request with the events of an operation. Streams end with the token of the caller, and at once when the gateway stops. */
@Injectable()
export class OperationEventsResponder implements OnModuleDestroy {
  private readonly slots: CallerSlots;
  private readonly open = new Set<AbortController>();
  private isStopping = false;

  constructor(
    private readonly events: OperationEventsService,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) { limits }: Pick<Configuration, 'limits'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.slots = new CallerSlots({
      what: 'event streams',
      perCaller: limits.eventStreamsPerCaller,
      total: limits.eventStreamsInAll,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      Refusal: RateLimitedError,
    });
  }

  /** Whoever watches goes on elsewhere; nothing is waited for. */
  onModuleDestroy(): void {
    this.isStopping = true;
    for (const over of this.open) over.abort();
  }

  /** Resolves when the response is over. What it throws was thrown before a byte was sent. */
  async respond(principal: Principal, id: string, reply: FastifyReply): Promise<void> {
    const release = this.slots.acquire(principal);
    const over = new AbortController();
    this.open.add(over);
    // To a HEAD there is nothing to say behind the head.
    if (this.isStopping || reply.request.method === 'HEAD') over.abort();
    const cancelTokenEnd = this.clock.schedule(
      () => {
        over.abort();
      },
      tokenEndOf(reply.request) - this.clock.now(),
    );
    try {
      const watched = await this.events.follow(principal, id, lastEventId(reply.request), over.signal);
      if (watched === undefined) void reply.code(204).send();
      else await this.deliver(watched, id, over, reply);
    } finally {
      cancelTokenEnd();
      this.open.delete(over);
      release();
    }
  }

  private async deliver(
    watched: AsyncIterable<WatchedEvent>,
    operationId: string,
    over: AbortController,
    reply: FastifyReply,
  ): Promise<void> {
    const ended = this.metrics.startEventStream();
    reply.hijack();
    try {
      const { raw: response, request } = reply;
      const events = presented(watched);
      await deliverEvents({
        request: request.raw,
        response,
        headers: headersOf(reply),
        clock: this.clock,
        events,
        over,
      });
    } catch (error) {
      this.logger.warn({ err: error, operationId }, 'a stream of events broke off');
    } finally {
      ended();
    }
  }
}

async function* presented(watched: AsyncIterable<WatchedEvent>): AsyncGenerator<ServerSentEvent> {
  for await (const event of watched) yield toServerSentEvent(event);
}
