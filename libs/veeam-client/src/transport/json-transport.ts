import type { Clock } from '@app/clock';
import { DomainError } from '@app/problems';
import axios, { type AxiosInstance } from 'axios';
import { Agent } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { isNativeError } from 'node:util/types';
import { AnswerTooLongError, brokenConnection, Failure, timedOut, TransportFailure } from '../failures.js';
import type { Connector } from './connector.js';
import { readText } from './read-text.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly headersMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Pages of 250 small objects stay far below. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Small requests with small JSON answers. Whatever the status, an answer is an answer: the caller judges it. */
export class JsonTransport {
  /** GETs may be repeated, so they may meet a connection that upstream is just closing. */
  private readonly keptAlive: Agent;
  /** Everything else gets a connection of its own. */
  private readonly oneOff: Agent;
  private readonly http: AxiosInstance;

  constructor(
    private readonly origin: string,
    connector: Connector,
    private readonly limits: { readonly clock: Clock; readonly idleBodyMs: number },
  ) {
    this.keptAlive = new ConnectorAgent(connector, true);
    this.oneOff = new ConnectorAgent(connector, false);
    this.http = axios.create({
      proxy: false,
      maxRedirects: 0,
      timeout: 0,
      responseType: 'stream',
      validateStatus: () => true,
      transformRequest: (data: unknown) => data,
    });
  }

  /** @throws TransportFailure, or the signal's reason */
  async send(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    signal?.throwIfAborted();
    const { clock } = this.limits;
    const abort = new AbortController();
    let late: DomainError | undefined;
    const stop = () => {
      abort.abort();
    };
    signal?.addEventListener('abort', stop, { once: true });
    const cancel = clock.schedule(() => {
      late = timedOut('answer');
      stop();
    }, request.headersMs);
    try {
      const { status, headers, data } = await this.http.request<Readable>({
        method: request.method,
        url: this.origin + request.path,
        // Without a body axios would name a type of its own.
        headers: { ...request.headers, ...(request.body === undefined ? { 'content-type': false } : {}) },
        data: request.body,
        httpsAgent: request.method === 'GET' ? this.keptAlive : this.oneOff,
        signal: abort.signal,
      });
      cancel();
      const text = await readText(data, { ...this.limits, maxBytes: MAX_ANSWER_BYTES });
      return { status, headers: Object.fromEntries(Object.entries(headers)), text };
    } catch (error) {
      signal?.throwIfAborted();
      if (late) throw new TransportFailure(late, true, true);
      throw toFailure(error);
    } finally {
      cancel();
      signal?.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.keptAlive.destroy();
    this.oneOff.destroy();
  }
}

class ConnectorAgent extends Agent {
  constructor(
    private readonly connector: Connector,
    keepAlive: boolean,
  ) {
    super({ keepAlive });
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    this.connector.connect().then(
      (socket) => callback?.(null, socket),
      // The type wants a socket beside the error; there is none.
      (error: unknown) => (callback as ((error: unknown) => void) | undefined)?.(error),
    );
    return undefined;
  }
}

/** An AxiosError holds the request with its token, so only what it wraps is looked at. */
function toFailure(error: unknown): TransportFailure {
  const inner = isNativeError(error) && isNativeError(error.cause) ? error.cause : error;
  if (inner instanceof TransportFailure) return inner;
  if (inner instanceof Failure) return new TransportFailure(inner.error, true, false);
  if (inner instanceof DomainError) return new TransportFailure(inner, true, !(inner instanceof AnswerTooLongError));
  return brokenConnection(inner, true);
}
