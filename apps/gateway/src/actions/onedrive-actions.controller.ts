import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiHeader, ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { DownloadResponder } from '../downloads/download-responder.js';
import { IdempotencyKey, TakesIdempotencyKey } from '../http/idempotency-key.js';
import { OneDriveParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { ActionsService } from './actions.service.js';
import { CopyDto, toCopyRequest } from './dto/copy.dto.js';
import { OperationDto } from './dto/operation.dto.js';
import { RestoreDto, toRestoreRequest } from './dto/restore.dto.js';
import { SaveDto, toSaveRequest } from './dto/save.dto.js';
import { SendDto, toSendRequest } from './dto/send.dto.js';
import { OperationResponder } from './operation-responder.js';
import type { RepeatBy } from './repeated-requests.service.js';

const Prefer = ApiHeader({
  name: 'Prefer',
  required: false,
  description: '`wait=N` waits up to N (0 to 60) seconds for the end and answers 200 if it came.',
});

@ApiTags('actions')
@Controller('api/v1/restore-sessions/:sid/onedrives/:oid')
export class OneDriveActionsController {
  constructor(
    private readonly actions: ActionsService,
    private readonly operations: OperationResponder,
    private readonly downloads: DownloadResponder,
  ) {}

  /** Restores a OneDrive to its original location. */
  @Post('restore')
  @HttpCode(202)
  @Requires('restore')
  @TakesIdempotencyKey()
  @Prefer
  @ApiAcceptedResponse({ type: OperationDto })
  @ApiOkResponse({ type: OperationDto })
  async restore(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: RestoreDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(
      reply,
      this.actions.restore(principal, target, toRestoreRequest(body), repeatBy(key)),
    );
  }

  /** Copies a OneDrive into another one of the same organization. */
  @Post('copy')
  @HttpCode(202)
  @Requires('copy')
  @TakesIdempotencyKey()
  @Prefer
  @ApiAcceptedResponse({ type: OperationDto })
  @ApiOkResponse({ type: OperationDto })
  async copy(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: CopyDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.copy(principal, target, toCopyRequest(body), repeatBy(key)));
  }

  /** Mails a OneDrive as an attachment. */
  @Post('send')
  @HttpCode(202)
  @Requires('send')
  @TakesIdempotencyKey()
  @Prefer
  @ApiAcceptedResponse({ type: OperationDto })
  @ApiOkResponse({ type: OperationDto })
  async send(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: SendDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.send(principal, target, toSendRequest(body), repeatBy(key)));
  }

  /** Downloads a OneDrive as a ZIP. `Operation-Location` tells where its size and digest will be. */
  @Post('save')
  @HttpCode(200)
  @Requires('save')
  @ApiProduces('application/octet-stream')
  @ApiOkResponse({ content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } })
  async save(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: SaveDto,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.downloads.respond(principal, target, toSaveRequest(body), reply);
  }
}

function repeatBy(key: string | undefined): RepeatBy | undefined {
  return key === undefined ? undefined : { idempotencyKey: key };
}
