import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { Requires } from '../policy/requires.decorator.js';
import { SendReadinessDto } from './send-readiness.dto.js';
import { SendReadinessService } from './send-readiness.service.js';

@ApiTags('actions')
@Controller('api/v1/send-readiness')
export class SendReadinessController {
  constructor(private readonly readiness: SendReadinessService) {}

  /** Whether mail can be sent, and what is missing. No address, server or login is told. */
  @Get()
  @Requires('readSendReadiness')
  @ApiOkResponse({ type: SendReadinessDto })
  async read(@CurrentPrincipal() principal: Principal): Promise<SendReadinessDto> {
    const { isReady: ready, missing } = await this.readiness.read(principal);
    return { ready, missing };
  }
}
