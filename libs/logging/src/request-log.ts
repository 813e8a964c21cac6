import { SystemClock, type Clock } from '@app/clock';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { acceptRequestId, askedServersOf, runInRequestContext, type RequestContext } from './request-context.js';
import { sourceAddressOf } from './source-address.js';
import { newTraceContext } from './trace-context.js';

/** The route of a request that no route was found for. */
const UNMATCHED = 'unmatched';

const contexts = new WeakMap<IncomingMessage, RequestContext>();

/** The context of a request also where no hook ran: in Fastify's `frameworkErrors`, which gets URLs that cannot be decoded. */
export function requestContextOf(request: Pick<FastifyRequest, 'raw'>): RequestContext | undefined {
  return contexts.get(request.raw);
}

/**
 * Gives every request its context and an `X-Request-Id` on the answer, and writes one line and counts one request at its end,
 * however it ends. Must be called before routes are added.
 */
export function logRequests(
  fastify: FastifyInstance,
  logger: Logger,
  metrics: Metrics,
  clock: Clock = new SystemClock(),
): void {
  const routes = new WeakMap<IncomingMessage, string>();

  const begin = (request: IncomingMessage, response: ServerResponse): RequestContext => {
    const { headers, socket } = request;
    const requestId = acceptRequestId(headers['x-request-id']);
    // Not to be had any more once the connection is gone.
    const sourceAddress = sourceAddressOf(socket.remoteAddress);
    const context: RequestContext = { requestId, ...newTraceContext(headers.traceparent), sourceAddress };
    contexts.set(request, context);
    response.setHeader('x-request-id', requestId);

    const startedAt = clock.now();
    // Fastify's onResponse is silent about answers that are cut off; `close` comes once whatever happens.
    response.once('close', () => {
      const durationMs = clock.now() - startedAt;
      const line = accessLogLine(request, response, context, routes.get(request) ?? UNMATCHED, durationMs);
      metrics.countRequest(line.method, line.route, line.aborted ? 'aborted' : response.statusCode, durationMs);
      runInRequestContext(context, () => {
        logger[response.statusCode >= 500 ? 'error' : 'info'](line, 'request');
      });
    });
    return context;
  };

  // Ahead of Fastify, whose hooks do not see a URL that cannot be decoded.
  fastify.server.prependListener('request', begin);

  fastify.addHook('onRequest', (request, reply, done) => {
    const context = requestContextOf(request) ?? begin(request.raw, reply.raw);
    routes.set(request.raw, request.is404 ? UNMATCHED : (request.routeOptions.url ?? UNMATCHED));
    // What a proxy says is no address leaves the proxy's own.
    context.sourceAddress = sourceAddressOf(request.ip) ?? context.sourceAddress;
    runInRequestContext(context, done);
  });
}

/** The chosen fields of the line: the pattern of the route, and no URL, query, header or body. */
interface AccessLogLine {
  readonly method: string;
  readonly route: string;
  /** Absent when no answer was begun. */
  readonly status?: number;
  /** The answer did not reach its end: the caller left, or the connection was broken on purpose. */
  readonly aborted?: true;
  readonly durationMs: number;
  readonly upstreamMs?: number;
  /** Whom it asked; several are named in order. */
  readonly backupServer?: string | undefined;
  readonly remoteAddress: string;
  readonly callerTraceId?: string;
  readonly issuer?: string;
  readonly subject?: string;
  readonly client?: string;
}

function accessLogLine(
  request: IncomingMessage,
  response: ServerResponse,
  { caller, callerTraceId, upstreamMs, backupServers, sourceAddress }: RequestContext,
  route: string,
  durationMs: number,
): AccessLogLine {
  return {
    method: request.method ?? 'unknown',
    route,
    ...(response.headersSent && { status: response.statusCode }),
    ...(!response.writableFinished && { aborted: true as const }),
    durationMs,
    ...(upstreamMs !== undefined && { upstreamMs }),
    ...(backupServers && { backupServer: askedServersOf({ backupServers }) }),
    remoteAddress: sourceAddress ?? 'unknown',
    ...(callerTraceId !== undefined && { callerTraceId }),
    ...(caller && { issuer: caller.issuer, subject: caller.subject }),
    ...(caller?.clientId !== undefined && { client: caller.clientId }),
  };
}
