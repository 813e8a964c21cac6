import { IS_PUBLIC, principalOf } from '@app/identity';
import { ForbiddenError } from '@app/problems';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';

import type { PolicyAction } from './policy-action.js';
import { POLICY_ACTION } from './requires.decorator.js';
import { mayEver } from './standing.js';

/** First stage of authorization: may this kind of caller do this kind of thing at all? Asks nobody. */
@Injectable()
export class PolicyGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets)) {
      return true;
    }
    const action = this.reflector.getAllAndOverride<PolicyAction | undefined>(POLICY_ACTION, targets);
    const principal = principalOf(context.switchToHttp().getRequest<FastifyRequest>());
    if (action === undefined || !mayEver(principal, action)) {
      throw new ForbiddenError('Your role does not allow this.');
    }
    return true;
  }
}
