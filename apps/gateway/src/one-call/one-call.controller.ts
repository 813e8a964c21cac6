import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBody,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiProduces,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { OperationDto } from '../actions/dto/operation.dto.js';
import { repeatBy } from '../actions/repeated-requests.service.js';
import { IdempotencyKey, TakesIdempotencyKey } from '../http/idempotency-key.js';
import { Requires } from '../policy/requires.decorator.js';
import { OneCallResponder } from './one-call-responder.js';
import {
  OneCallBodies,
  oneCallBodySchema,
  OneCallDownloadDto,
  PreviewDto,
  readOneCallRestore,
  toOneCallDownload,
} from './one-call.dto.js';

@ApiTags('one call')
@Controller('api/v1')
export class OneCallController {
  constructor(private readonly oneCall: OneCallResponder) {}

  /**
   * Restores, copies or mails what somebody had at a time, in one call. The members of the action's own body stand beside these. With
   * `dryRun` nothing is done, and the answer says what it would be.
   */
  @Post('restores')
  @HttpCode(202)
  @Requires('act')
  @TakesIdempotencyKey()
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: '`wait=N` waits up to N (0 to 60) seconds for the end and answers 200 if it came.',
  })
  @OneCallBodies
  @ApiExtraModels(OperationDto, PreviewDto)
  @ApiBody({ schema: oneCallBodySchema })
  @ApiAcceptedResponse({ type: OperationDto })
  @ApiOkResponse({
    schema: { oneOf: [{ $ref: getSchemaPath(OperationDto) }, { $ref: getSchemaPath(PreviewDto) }] },
  })
  async restore(
    @CurrentPrincipal() principal: Principal,
    @Body() body: unknown,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperationDto | PreviewDto> {
    return this.oneCall.restore(principal, readOneCallRestore(body), repeatBy(key), reply);
  }

  /** Downloads what somebody had at a time, in one call: a document as it is, all else as a ZIP. */
  @Post('downloads')
  @HttpCode(200)
  @Requires('save')
  @ApiProduces('application/octet-stream')
  @ApiOkResponse({ content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } })
  async download(
    @CurrentPrincipal() principal: Principal,
    @Body() body: OneCallDownloadDto,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.oneCall.download(principal, toOneCallDownload(body), reply);
  }
}
