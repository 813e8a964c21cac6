import type { Configuration } from '@app/config';
import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { CatalogService } from '../catalog/catalog.service.js';
import { DeviceCodesService } from '../device-codes/device-codes.service.js';
import { OneDriveParams, SessionParams } from '../http/params.dto.js';
import { CONFIGURATION } from '../infrastructure/tokens.js';
import { Requires } from '../policy/requires.decorator.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';
import { readV5Action } from './read-v5-action.js';
import { readV5DeviceCode, readV5Stop } from './read-v5-commands.js';
import { V5ActionResponder } from './v5-action-responder.js';
import { V5PageQuery } from './v5-compatibility.dto.js';
import { toV5DeviceCode, toV5OneDrive, toV5OneDrivePage, toV5Session } from './v5-presenter.js';

@ApiTags('v5 compatibility')
@Controller('v5/RestoreSessions/:sid')
export class V5RestoreSessionsController {
  private readonly publicUrl: string;

  constructor(
    private readonly sessions: RestoreSessionsService,
    private readonly catalog: CatalogService,
    private readonly deviceCodes: DeviceCodesService,
    private readonly actions: V5ActionResponder,
    @Inject(CONFIGURATION) configuration: Pick<Configuration, 'server'>,
  ) {
    this.publicUrl = configuration.server.publicUrl;
  }

  @Get()
  @Requires('useRestoreSession')
  @ApiOperation({ summary: 'A restore session of yours.' })
  async get(@CurrentPrincipal() principal: Principal, @Param() { sid }: SessionParams) {
    return toV5Session(await this.sessions.find(principal, sid), this.publicUrl);
  }

  @Post('Action')
  @HttpCode(200)
  @Requires('useRestoreSession')
  @ApiOperation({ summary: 'Stops a restore session: `{"stop": null}`.' })
  async stop(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid }: SessionParams,
    @Body() body: unknown,
  ): Promise<void> {
    readV5Stop(body);
    await this.sessions.stop(principal, sid);
  }

  @Get('Organization/OneDrives')
  @Requires('browse')
  @ApiOperation({ summary: 'The OneDrives you may browse in a restore session.' })
  async oneDrives(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid }: SessionParams,
    @Query() { offset, limit }: V5PageQuery,
  ) {
    const page = { offset, limit };
    return toV5OneDrivePage(await this.catalog.oneDrives(principal, sid, page), page, sid, this.publicUrl);
  }

  @Get('Organization/OneDrives/:oid')
  @Requires('browse')
  @ApiOperation({ summary: 'One OneDrive.' })
  async oneDrive(@CurrentPrincipal() principal: Principal, @Param() { sid, oid }: OneDriveParams) {
    return toV5OneDrive(await this.catalog.oneDrive(principal, sid, oid), sid, this.publicUrl);
  }

  @Post('Organization/OneDrives/:oid/Action')
  @HttpCode(200)
  @Requires('act')
  @ApiOperation({
    summary: 'Restores, copies, mails or saves a OneDrive and answers at the end.',
    description:
      'Exactly one of `restoreToOriginalLocation`, `copyTo`, `sendTo`, `save`. Credentials must be left out.',
  })
  @ApiBody({ schema: { type: 'object', minProperties: 1, maxProperties: 1 } })
  async act(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.actions.respond(principal, target, readV5Action(body), reply);
  }

  @Post('organization/restoreDeviceCode')
  @HttpCode(200)
  @Requires('requestDeviceCode')
  @ApiOperation({ summary: 'Asks for a device code to restore with.' })
  async deviceCode(@CurrentPrincipal() principal: Principal, @Param() { sid }: SessionParams, @Body() body: unknown) {
    readV5DeviceCode(body);
    return toV5DeviceCode(await this.deviceCodes.issue(principal, sid));
  }
}
