import { CurrentPrincipal, type Principal } from '@app/identity';
import type { PolicyDecision } from '@app/policy';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { ActionsService } from '../actions/actions.service.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';
import { AuthorizationService } from './authorization.service.js';
import { ItemAuthorization } from './item-authorization.service.js';
import { ExplainDto, type Explained, PolicyDecisionDto, readExplained } from './explanation.dto.js';
import { Requires } from './requires.decorator.js';

@ApiTags('policy')
@Controller('api/v1/policy')
export class PolicyController {
  constructor(
    private readonly sessions: RestoreSessionsService,
    private readonly actions: ActionsService,
    private readonly authorization: AuthorizationService,
    private readonly itemAuthorization: ItemAuthorization,
  ) {}

  /**
   * The decision on a request of yours, without doing it. The members of the action's own body stand beside
   * `restoreSessionId`, `oneDriveId` and `action`. What you may not browse is 404, as everywhere;
   * what callers like you never may do to anything is a `deny`.
   */
  @Post('explain')
  @HttpCode(200)
  @Requires('explainPolicy')
  @ApiBody({ type: ExplainDto })
  @ApiOkResponse({ type: PolicyDecisionDto })
  async explain(@CurrentPrincipal() principal: Principal, @Body() body: unknown): Promise<PolicyDecisionDto> {
    const { allowed, policies, errors } = await this.decide(principal, readExplained(body));
    return { decision: allowed ? 'allow' : 'deny', policies, errors };
  }

  private async decide(principal: Principal, explained: Explained): Promise<PolicyDecision> {
    switch (explained.action) {
      case 'act':
        return this.actions.explain(principal, explained, explained.request);
      case 'browse':
        return this.sessions.use(principal, explained.sid, (session) =>
          this.itemAuthorization.explain(principal, session, explained.item, { action: 'browse' }),
        );
      case 'requestDeviceCode':
        return this.sessions.use(principal, explained.sid, (session) =>
          Promise.resolve(this.authorization.explainDeviceCode(principal, session)),
        );
    }
  }
}
