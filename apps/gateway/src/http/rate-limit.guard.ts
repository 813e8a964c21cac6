import { IS_PUBLIC, principalOf } from '@app/identity';
import { RateLimitedError } from '@app/problems';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { ThrottlerGuard, type ThrottlerLimitDetail, type ThrottlerModuleOptions } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';

/** Limits the requests of one caller to this replica, over all routes together. */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override shouldSkip(context: ExecutionContext): Promise<boolean> {
    return Promise.resolve(this.reflector.get<boolean | undefined>(IS_PUBLIC, context.getHandler()) === true);
  }

  protected override throwThrottlingException(_: ExecutionContext, detail: ThrottlerLimitDetail): Promise<void> {
    throw new RateLimitedError('You have sent too many requests; wait a little.', {
      retryAfterSeconds: Math.max(1, Math.ceil(detail.timeToBlockExpire)),
    });
  }
}

export function rateLimitOptions(limits: { requestsPerWindow: number; rateWindowMs: number }): ThrottlerModuleOptions {
  return {
    throttlers: [{ limit: limits.requestsPerWindow, ttl: limits.rateWindowMs }],
    getTracker: (request) => {
      const { issuer, subject, clientId } = principalOf(request as FastifyRequest);
      return Promise.resolve(JSON.stringify([issuer, subject, clientId]));
    },
    generateKey: (_, tracker) => tracker,
    setHeaders: false,
  };
}
