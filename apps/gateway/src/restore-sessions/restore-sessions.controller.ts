import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { toInstant } from '../http/instant.js';
import { cut, ListQuery, type PageDto, pageDtoOf, readPage } from '../http/list.dto.js';
import { SessionParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import type { RestoreSession } from './restore-session.js';
import { OpenRestoreSessionDto, RestoreSessionDto } from './restore-sessions.dto.js';
import { RestoreSessionsService } from './restore-sessions.service.js';

@ApiTags('restore sessions')
@Controller('api/v1/restore-sessions')
export class RestoreSessionsController {
  constructor(private readonly sessions: RestoreSessionsService) {}

  /** Opens a view of a backup; it is yours alone and closes after idle time. */
  @Post()
  @Requires('openRestoreSession')
  @ApiCreatedResponse({ type: RestoreSessionDto })
  async open(
    @CurrentPrincipal() principal: Principal,
    @Body() body: OpenRestoreSessionDto,
  ): Promise<RestoreSessionDto> {
    return this.toDto(await this.sessions.open(principal, toOpenRequest(body)));
  }

  /** Your restore sessions, newest first. */
  @Get()
  @Requires('useRestoreSession')
  @ApiOkResponse({ type: pageDtoOf(RestoreSessionDto) })
  async list(@CurrentPrincipal() principal: Principal, @Query() query: ListQuery): Promise<PageDto<RestoreSessionDto>> {
    return readPage(principal, 'restore-sessions', query, async ({ offset, limit }) => {
      const sessions = await this.sessions.list(principal, { offset, limit: limit + 1 });
      return cut(sessions.map(this.toDto), limit);
    });
  }

  @Get(':sid')
  @Requires('useRestoreSession')
  @ApiOkResponse({ type: RestoreSessionDto })
  async get(@CurrentPrincipal() principal: Principal, @Param() { sid }: SessionParams): Promise<RestoreSessionDto> {
    return this.toDto(await this.sessions.find(principal, sid));
  }

  /** Stops a restore session, on the backup server too; 409 while one of its operations is queued or running. */
  @Delete(':sid')
  @HttpCode(204)
  @Requires('useRestoreSession')
  @ApiNoContentResponse()
  async stop(@CurrentPrincipal() principal: Principal, @Param() { sid }: SessionParams): Promise<void> {
    await this.sessions.stop(principal, sid);
  }

  private readonly toDto = (session: RestoreSession): RestoreSessionDto => ({
    id: session.id,
    organizationId: session.organizationId,
    pointInTime: session.pointInTime.toISOString(),
    state: session.stoppedAt === undefined ? 'open' : 'stopped',
    createdAt: session.createdAt.toISOString(),
    expiresAt: this.sessions.expiresAt(session).toISOString(),
  });
}

function toOpenRequest(body: OpenRestoreSessionDto) {
  return {
    organizationId: body.organizationId,
    pointInTime: body.pointInTime === undefined ? undefined : toInstant(body.pointInTime).toISOString(),
    showDeleted: body.showDeleted ?? false,
    showAllVersions: body.showAllVersions ?? false,
    reason: body.reason,
    onBehalfOf: body.onBehalfOf,
  };
}
