import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isExempt, principalOf } from './authenticate-requests.js';

/**
 * The second line behind `authenticateRequests`: a handler that a request reached around the hook, because the hook was never
 * registered or not in that context, stays closed (500: it is our bug).
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    return isExempt(request) || Boolean(principalOf(request));
  }
}
