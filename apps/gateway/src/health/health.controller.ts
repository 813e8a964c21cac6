import { Public } from '@app/identity';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { type HealthReport, HealthService } from './health.service.js';

@ApiTags('health')
@ApiSecurity({})
@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get('live')
  @Public()
  @ApiOperation({ summary: 'The process answers.' })
  live() {
    return { status: 'live' };
  }

  @Get('ready')
  @Public()
  @ApiOperation({ summary: 'Database, issuer keys and backup server are usable; 503 and what is missing otherwise.' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const report = await this.health.readiness();
    void reply.code(report.status === 'ready' ? 200 : 503);
    return report;
  }
}
