import { DomainError } from '@app/problems';
import { Client, Pool } from 'undici';
import { TransportFailure, unreachable } from '../failures.js';
import type { Connector } from './connector.js';
import { exchange, type Exchange, type ExchangeLimits } from './exchange.js';
import type { HttpAnswer, HttpRequest } from './json-transport.js';
import { readText } from './read-text.js';

/** Statistics tell of each item that failed: more than 100,000 of them. Whose answer is longer has an unknown end. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Downloads and the actions that must not happen twice. */
export class ActionTransport {
  private readonly downloads: Pool;
  private readonly running = new Set<Client>();

  constructor(
    private readonly origin: string,
    private readonly connector: Connector,
    private readonly limits: ExchangeLimits,
  ) {
    this.downloads = new Pool(origin, {
      connect: (_options, callback) => {
        connector.connect().then(
          (socket) => {
            callback(null, socket);
          },
          (error: unknown) => {
            callback(error as TransportFailure, null);
          },
        );
      },
    });
  }

  /**
   * Sends on a connection made for this request alone, so that there is no doubt about what a broken one means.
   *
   * @param mayStillSend asked once the connection stands, at the last moment at which nothing was sent
   * @throws TransportFailure
   */
  async send(request: HttpRequest, mayStillSend: () => boolean): Promise<HttpAnswer> {
    const socket = await this.connector.connect();
    if (!mayStillSend()) {
      socket.destroy();
      throw unreachable({ name: 'Error', message: 'no longer to be sent' }, false);
    }
    let connections = 0;
    const client = new Client(this.origin, {
      connect: (_options, callback) => {
        // Not at once: undici does not look at its queue again while it is still asking for the connection.
        if (connections++ === 0) {
          queueMicrotask(() => {
            callback(null, socket);
          });
        } else callback(unreachable({ name: 'Error', message: 'closed before the request was written' }, true), null);
      },
    });
    this.running.add(client);
    try {
      const { status, headers, body } = await exchange(client, request, this.limits);
      try {
        const text = await readText(body, { ...this.limits, maxBytes: MAX_ANSWER_BYTES });
        return { status, headers, text };
      } catch (error) {
        throw error instanceof DomainError ? new TransportFailure(error, true, false) : error;
      }
    } finally {
      this.running.delete(client);
      void client.destroy();
    }
  }

  /** @throws TransportFailure, or the signal's reason */
  open(request: HttpRequest, signal?: AbortSignal): Promise<Exchange> {
    return exchange(this.downloads, request, this.limits, signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.downloads.destroy(), ...[...this.running].map((client) => client.destroy())]);
  }
}
