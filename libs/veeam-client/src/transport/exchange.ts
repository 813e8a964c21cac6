import type { CancelTimer, Clock } from '@app/clock';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { brokenConnection, timedOut, TransportFailure } from '../failures.js';
import { AnswerBody } from './answer-body.js';
import type { HttpRequest } from './json-transport.js';

export interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read or destroyed. Fails with a DomainError or the signal's reason only. */
  readonly body: Readable;
}

export interface ExchangeLimits {
  readonly clock: Clock;
  readonly idleBodyMs: number;
}

/**
 * Sends one request through an undici dispatcher and resolves at the headers of the answer. Aborting the signal destroys the
 * connection at once, at any point.
 *
 * @throws TransportFailure, whose `wasSent` is exact; or the signal's reason
 */
export function exchange(
  dispatcher: Dispatcher,
  request: HttpRequest,
  limits: ExchangeLimits,
  signal?: AbortSignal,
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const { method, path, headers, body = null, headersMs } = request;
    const handler = new ExchangeHandler(headersMs, limits, signal, resolve, reject);
    // Upstream is silent for as long as a restore takes: undici's own timers are off.
    dispatcher.dispatch(
      { method, path, headers: { ...headers }, body, headersTimeout: 0, bodyTimeout: 0, blocking: true },
      handler,
    );
  });
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private cancelHeadersTimer: CancelTimer = () => undefined;
  private body: AnswerBody | undefined;
  /** Why this side ended the exchange. */
  private ending: Error | undefined;

  constructor(
    private readonly headersMs: number,
    private readonly limits: ExchangeLimits,
    private readonly signal: AbortSignal | undefined,
    private readonly resolve: (exchange: Exchange) => void,
    private readonly reject: (reason: unknown) => void,
  ) {
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  /** undici calls this immediately before it writes: a request that never came here was never sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.ending) {
      controller.abort(this.ending);
      return;
    }
    this.controller = controller;
    this.cancelHeadersTimer = this.limits.clock.schedule(() => {
      this.end(new TransportFailure(timedOut('answer'), true, true));
    }, this.headersMs);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return; // 1xx: the answer is still to come.
    this.cancelHeadersTimer();
    this.body = new AnswerBody(controller, this.limits);
    this.body.once('close', this.stopListening);
    this.resolve({ status, headers, body: this.body });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.body?.receive(chunk);
  }

  onResponseEnd(): void {
    this.body?.finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.cancelHeadersTimer();
    this.stopListening();
    if (this.body) {
      const reason = this.ending ?? brokenConnection(error, true);
      this.body.destroy(reason instanceof TransportFailure ? reason.error : reason);
      return;
    }
    const failure = this.ending ?? (error instanceof TransportFailure ? error : undefined);
    this.reject(failure ?? brokenConnection(error, this.controller !== undefined));
  }

  private readonly onAbort = (): void => {
    this.end(this.signal?.reason as Error);
  };

  private end(reason: Error): void {
    this.ending ??= reason;
    if (this.body) this.body.destroy(reason);
    else if (this.controller) this.controller.abort(reason);
    else this.reject(reason);
  }

  private readonly stopListening = (): void => {
    this.signal?.removeEventListener('abort', this.onAbort);
  };
}
