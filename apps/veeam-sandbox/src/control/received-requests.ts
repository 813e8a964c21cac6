import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** One request as it came in. */
export interface ReceivedRequest {
  readonly id: number;
  /** ISO 8601 UTC. */
  readonly time: string;
  readonly method: string;
  /** As sent, with its query. */
  readonly path: string;
  /** The route's pattern; undefined when none fits. */
  route: string | undefined;
  version: string | undefined;
  action: string | undefined;
  /** `authorization` is cut down to its scheme and the start of a SHA-256. */
  readonly headers: IncomingHttpHeaders;
  /** Parsed where it is JSON or a form, else the text. */
  body: unknown;
  /** Whether it was taken on: an accepted action, or an answer below 400. */
  accepted: boolean;
  /** Undefined while, or when forever, unanswered. */
  status: number | undefined;
}

/** The oldest are forgotten beyond this many. */
const kept = 20_000;

export class ReceivedRequests {
  private requests: ReceivedRequest[] = [];
  private lastId = 0;
  /** Told of each request before it is looked at: it fills up as it is answered. */
  onReceived: (request: ReceivedRequest) => void = () => undefined;

  add(method: string, path: string, headers: IncomingHttpHeaders): ReceivedRequest {
    const request: ReceivedRequest = {
      id: ++this.lastId,
      time: new Date().toISOString(),
      method,
      path,
      route: undefined,
      version: undefined,
      action: undefined,
      headers: reduced(headers),
      body: undefined,
      accepted: false,
      status: undefined,
    };
    this.requests.push(request);
    this.onReceived(request);
    if (this.requests.length > kept) this.requests.shift();
    return request;
  }

  all(): readonly ReceivedRequest[] {
    return this.requests;
  }

  clear(): void {
    this.requests = [];
  }
}

function reduced(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { authorization, ...others } = headers;
  if (authorization === undefined) return others;
  const [scheme = '', ...rest] = authorization.split(' ');
  const prefix = createHash('sha256').update(rest.join(' ')).digest('hex').slice(0, 16);
  return { ...others, authorization: `${scheme} sha256:${prefix}` };
}
