import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, Param, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { DownloadResponder } from '../downloads/download-responder.js';
import { IdempotencyKey } from '../http/idempotency-key.js';
import { FolderParams, FolderVersionParams, OneDriveParams } from '../http/params.dto.js';
import { CopyRoute, RestoreRoute, SaveRoute, SendRoute } from './action-routes.js';
import { ActionsService } from './actions.service.js';
import { CopyDto, toCopyRequest } from './dto/copy.dto.js';
import { RestoreDto, toRestoreRequest } from './dto/restore.dto.js';
import { SaveDto, toSaveRequest } from './dto/save.dto.js';
import { SendDto, toSendRequest } from './dto/send.dto.js';
import { BulkCopyDto, BulkRestoreDto, BulkSaveDto, BulkSendDto, bulkTarget } from './dto/bulk.dto.js';
import { OperationDto } from './dto/operation.dto.js';
import { OperationResponder } from './operation-responder.js';
import { repeatBy } from './repeated-requests.service.js';

@ApiTags('actions')
@Controller('api/v1/restore-sessions/:sid/onedrives/:oid/folders/:fid')
export class FolderActionsController {
  constructor(
    private readonly actions: ActionsService,
    private readonly operations: OperationResponder,
    private readonly downloads: DownloadResponder,
  ) {}

  @RestoreRoute('a folder')
  async restore(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderParams,
    @Body() body: RestoreDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toRestoreRequest(body), repeatBy(key)));
  }

  @CopyRoute('a folder')
  async copy(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderParams,
    @Body() body: CopyDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toCopyRequest(body), repeatBy(key)));
  }

  @SendRoute('a folder')
  async send(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderParams,
    @Body() body: SendDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toSendRequest(body), repeatBy(key)));
  }

  @SaveRoute('a folder', ' as a ZIP')
  async save(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderParams,
    @Body() body: SaveDto,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.downloads.respond(principal, target, toSaveRequest(body), reply);
  }
}

@ApiTags('actions')
@Controller('api/v1/restore-sessions/:sid/onedrives/:oid/folders/:fid/versions/:vid')
export class FolderVersionActionsController {
  constructor(
    private readonly actions: ActionsService,
    private readonly operations: OperationResponder,
    private readonly downloads: DownloadResponder,
  ) {}

  @RestoreRoute('an earlier version of a folder')
  async restore(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderVersionParams,
    @Body() body: RestoreDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toRestoreRequest(body), repeatBy(key)));
  }

  @CopyRoute('an earlier version of a folder')
  async copy(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderVersionParams,
    @Body() body: CopyDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toCopyRequest(body), repeatBy(key)));
  }

  @SendRoute('an earlier version of a folder')
  async send(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderVersionParams,
    @Body() body: SendDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(reply, this.actions.begin(principal, target, toSendRequest(body), repeatBy(key)));
  }

  @SaveRoute('an earlier version of a folder', ' as a ZIP')
  async save(
    @CurrentPrincipal() principal: Principal,
    @Param() target: FolderVersionParams,
    @Body() body: SaveDto,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.downloads.respond(principal, target, toSaveRequest(body), reply);
  }
}

@ApiTags('actions')
@Controller('api/v1/restore-sessions/:sid/onedrives/:oid/folders')
export class FoldersActionsController {
  constructor(
    private readonly actions: ActionsService,
    private readonly operations: OperationResponder,
    private readonly downloads: DownloadResponder,
  ) {}

  @RestoreRoute('several folders')
  async restore(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: BulkRestoreDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(
      reply,
      this.actions.begin(principal, bulkTarget(target, 'folders', body), toRestoreRequest(body), repeatBy(key)),
    );
  }

  @CopyRoute('several folders')
  async copy(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: BulkCopyDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(
      reply,
      this.actions.begin(principal, bulkTarget(target, 'folders', body), toCopyRequest(body), repeatBy(key)),
    );
  }

  @SendRoute('several folders')
  async send(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: BulkSendDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto> {
    return this.operations.respond(
      reply,
      this.actions.begin(principal, bulkTarget(target, 'folders', body), toSendRequest(body), repeatBy(key)),
    );
  }

  @SaveRoute('several folders', ' as one ZIP')
  async save(
    @CurrentPrincipal() principal: Principal,
    @Param() target: OneDriveParams,
    @Body() body: BulkSaveDto,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.downloads.respond(principal, bulkTarget(target, 'folders', body), toSaveRequest(body), reply);
  }
}
