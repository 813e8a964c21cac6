import { IS_PUBLIC, type Principal, principalOf } from '@app/identity';
import { type FirstStageDecision, type PolicyAction, PolicySource } from '@app/policy';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';

import { AuditTrail } from '../audit/audit-trail.js';
import { deniedAtAll } from './denials.js';
import type { RouteAction } from './policy-action.js';
import { POLICY_ACTION } from './requires.decorator.js';

/** First stage of authorization: may this kind of caller do this kind of thing at all? Asks nobody but the policy. */
@Injectable()
export class PolicyGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets)) {
      return true;
    }
    const principal = principalOf(context.switchToHttp().getRequest<FastifyRequest>());
    const declared = this.reflector.getAllAndOverride<RouteAction | undefined>(POLICY_ACTION, targets);
    const actions = actionsOf(declared);
    const decisions = actions.map((action) => this.policy.engine.firstStage(principal, action));
    if (!decisions.some(({ allowed }) => allowed)) {
      await this.record(principal, actions, decisions);
      throw deniedAtAll({ policies: policiesOf(decisions) });
    }
    return true;
  }

  private async record(
    principal: Principal,
    [action, ...others]: readonly PolicyAction[],
    decisions: readonly FirstStageDecision[],
  ): Promise<void> {
    if (action === undefined) return;
    const policies = policiesOf(decisions);
    // Which one it would be, only the body says, and nobody has read that yet.
    const detail = others.length === 0 ? undefined : { anyOf: [action, ...others] };
    await this.trail.decided(principal, action, { allowed: false, policies }, { detail });
  }
}

function policiesOf(decisions: readonly FirstStageDecision[]): string[] {
  return [...new Set(decisions.flatMap((decision) => decision.policies))].sort();
}

function actionsOf(declared: RouteAction | undefined): readonly PolicyAction[] {
  if (declared === undefined) {
    return [];
  }
  return declared === 'act' ? ['restore', 'copy', 'send', 'save'] : [declared];
}
