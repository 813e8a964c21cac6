import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, Param, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { DownloadResponder } from '../downloads/download-responder.js';
import { IdempotencyKey } from '../http/idempotency-key.js';
import { OneDriveParams } from '../http/params.dto.js';
import { CopyRoute, RestoreRoute, SaveRoute, SendRoute } from './action-routes.js';
import { ActionsService } from './actions.service.js';
import { CopyDto, toCopyRequest } from './dto/copy.dto.js';
import { RestoreDto, toRestoreRequest } from './dto/restore.dto.js';
import { SaveDto, toSaveRequest } from './dto/save.dto.js';
import { SendDto, toSendRequest } from './dto/send.dto.js';
import { OperationDto } from './dto/operation.dto.js';
import { OperationResponder } from './operation-responder.js';
import { repeatBy } from './repeated-requests.service.js';

@ApiTags('actions')
@Controller('api/v1/restore-sessions/:sid/onedrives/:oid')
export class OneDriveActionsController {
  constructor(
    private readonly actions: ActionsService,
    private readonly operations: OperationResponder,
    private readonly downloads: DownloadResponder,
  ) {}

  @RestoreRoute('a OneDrive')
  async restore(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: RestoreDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toRestoreRequest(body), repeatBy(key)));
  }

  @CopyRoute('a OneDrive')
  async copy(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: CopyDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toCopyRequest(body), repeatBy(key)));
  }

  @SendRoute('a OneDrive')
  async send(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: SendDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toSendRequest(body), repeatBy(key)));
  }

  @SaveRoute('a OneDrive', ' as a ZIP')
  async save(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: SaveDto,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.downloads.respond(principal, target, toSaveRequest(body), reply);
  }
}
