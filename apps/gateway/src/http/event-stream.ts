import type { CancelTimer } from '@app/clock';
import { once } from 'node:events';

import { CallerConnection, type LastingAnswer } from './caller-connection.js';

/** Proxies cut what is silent for a minute, or half of one. */
const HEARTBEAT_MS = 15_000;
/** A caller who takes nothing for so long is cut off: what is missed can be resumed. */
const IDLE_WRITE_MS = 60_000;
/** When clients are to come back after the end. */
const RETRY_MS = 2_000;

export interface ServerSentEvent {
  /** What a client that resumes sends back as `Last-Event-ID`; without a line break, as `type` is. */
  readonly id: number;
  readonly type: string;
  readonly data: object;
}

export interface EventDelivery extends Omit<LastingAnswer, 'idleWriteMs'> {
  readonly headers: Readonly<Record<string, string>>;
  readonly events: AsyncIterable<ServerSentEvent>;
  /** Ends the stream at once when aborted, and is aborted when the caller leaves. */
  readonly over: AbortController;
}

/**
 * Answers with server-sent events (WHATWG HTML, section 9.2) until there are no more or `over` is aborted: in whole events, and no faster
 * than the caller takes them. Resolves once the response is over.
 *
 * @throws what `events` throws, after the stream has ended
 */
export async function deliverEvents(delivery: EventDelivery): Promise<void> {
  const stream = new EventStream(delivery);
  try {
    for await (const event of delivery.events) {
      await stream.send(event);
      if (delivery.over.signal.aborted) break;
    }
  } finally {
    await stream.end();
  }
}

class EventStream {
  private readonly connection: CallerConnection;
  private cancelHeartbeat: CancelTimer = () => undefined;
  private ended: Promise<void> | undefined;

  constructor(private readonly delivery: EventDelivery) {
    const { over, response, headers } = delivery;
    this.connection = new CallerConnection({ ...delivery, idleWriteMs: IDLE_WRITE_MS });
    for (const [name, value] of Object.entries({ ...headers, ...streamHeaders })) response.setHeader(name, value);
    response.statusCode = 200;
    response.write(`retry: ${RETRY_MS}\n\n`);
    whenAborted(this.connection.gone, () => {
      over.abort();
    });
    whenAborted(over.signal, () => void this.end());
    this.beatLater();
  }

  /** Resolves when the caller takes more. */
  async send({ id, type, data }: ServerSentEvent): Promise<void> {
    const { response, over } = this.delivery;
    // JSON has no line break of its own.
    if (this.ended || response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)) return;
    this.connection.stalled();
    await once(response, 'drain', { signal: over.signal }).catch(ignore);
    if (!over.signal.aborted) this.connection.moved();
  }

  end(): Promise<void> {
    this.ended ??= this.finish();
    return this.ended;
  }

  private async finish(): Promise<void> {
    this.cancelHeartbeat();
    await this.connection.end(undefined);
    this.connection.leave();
  }

  private beatLater(): void {
    if (this.ended) return;
    this.cancelHeartbeat = this.delivery.clock.schedule(() => {
      // What the caller does not take must not pile up.
      if (!this.delivery.response.writableNeedDrain) this.delivery.response.write(':\n\n');
      this.beatLater();
    }, HEARTBEAT_MS);
  }
}

const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // nginx and others would hold back what is to come at once.
  'x-accel-buffering': 'no',
  // Who resumes comes over a new connection, which a balancer gives to a replica that is not stopping.
  connection: 'close',
};

function whenAborted(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}

function ignore(): void {
  // The stream is over.
}
