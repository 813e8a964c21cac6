import { InternalError } from '@app/problems';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AccessTokenAuthenticator } from './access-token-authenticator.js';
import type { Authenticated, Principal } from './principal.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route needs no access token. In a controller: `@Public()`. */
    public?: boolean;
  }
}

const authenticated = new WeakMap<FastifyRequest, Authenticated>();
const exempt = new WeakSet<FastifyRequest>();

/**
 * Lets no request in without a valid access token, on any route, existing or not, that is not public. It is an `onRequest` hook because a
 * guard of Nest comes too late: by then the body was read and parsed. Its errors end in Nest's exception filter like all others.
 *
 * A Fastify plugin's own context copies hooks and error handler as they are when it is registered: so this is to be called before any
 * plugin is registered, or its routes stay open, and plugins with routes are registered after `app.init()`, or their 401 is Fastify's 500.
 *
 * @param isPublicRoute for the routes of others, such as Swagger UI, that cannot be marked with `public`: judges the pattern a route was
 *   registered with, never the path of a request.
 */
export function authenticateRequests(
  fastify: Pick<FastifyInstance, 'addHook'>,
  authenticator: AccessTokenAuthenticator,
  isPublicRoute: (pattern: string) => boolean = () => false,
): void {
  fastify.addHook('onRequest', async (request) => {
    const { config, url: pattern } = request.routeOptions;
    if (config.public === true || (pattern !== undefined && isPublicRoute(pattern))) exempt.add(request);
    else authenticated.set(request, await authenticator.authenticate(request.raw.rawHeaders));
  });
}

/** The caller of a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  return authenticatedOf(request).principal;
}

/** When the token of the caller is over, ms since the Unix epoch: an answer that lasts must not outlast it. */
export function tokenEndOf(request: FastifyRequest): number {
  return authenticatedOf(request).goodUntil;
}

function authenticatedOf(request: FastifyRequest): Authenticated {
  const caller = authenticated.get(request);
  if (!caller) throw new InternalError('The request was not authenticated.');
  return caller;
}

/** Whether the hook let the request pass on purpose without a caller. */
export function isExempt(request: FastifyRequest): boolean {
  return exempt.has(request);
}
