import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Delete, Get, HttpCode, Param, Query, Res } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiNoContentResponse, ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { OperationDto } from '../actions/dto/operation.dto.js';
import { LAST_EVENT_ID } from '../http/last-event-id.js';
import { cut, ListQuery, type PageDto, pageDtoOf, readPage } from '../http/list.dto.js';
import { OperationParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { OperationProgressEventDto, OperationStateEventDto } from './operation-event.dto.js';
import { OperationEventsResponder } from './operation-events-responder.js';
import { toOperationDto } from './operation-presenter.js';
import { OperationsService } from './operations.service.js';

@ApiTags('operations')
@Controller('api/v1/operations')
export class OperationsController {
  constructor(
    private readonly operations: OperationsService,
    private readonly events: OperationEventsResponder,
  ) {}

  /** Your operations, newest first. */
  @Get()
  @Requires('readOperations')
  @ApiOkResponse({ type: pageDtoOf(OperationDto) })
  async list(@CurrentPrincipal() principal: Principal, @Query() query: ListQuery): Promise<PageDto<OperationDto>> {
    return readPage(principal, 'operations', query, async ({ offset, limit }) => {
      const operations = await this.operations.list(principal, { offset, limit: limit + 1 });
      return cut(operations.map(toOperationDto), limit);
    });
  }

  @Get(':id')
  @Requires('readOperations')
  @ApiOkResponse({ type: OperationDto })
  async get(@CurrentPrincipal() principal: Principal, @Param() { id }: OperationParams): Promise<OperationDto> {
    return toOperationDto(await this.operations.find(principal, id));
  }

  /**
   * What happens to an operation, as it happens: server-sent events `state` and `progress`, numbered from 1, to the one with the final state.
   * The stream ends with that, or with the token; go on with `Last-Event-ID` then.
   */
  @Get(':id/events')
  @Requires('readOperations')
  @ApiHeader({
    name: LAST_EVENT_ID,
    required: false,
    description: 'The last event that you have: those after it follow.',
    schema: { type: 'integer', minimum: 1 },
  })
  @ApiProduces('text/event-stream')
  @ApiExtraModels(OperationStateEventDto, OperationProgressEventDto)
  @ApiOkResponse({
    description: '`data` is an OperationStateEventDto or an OperationProgressEventDto, as `event` says.',
    schema: { type: 'string' },
  })
  @ApiNoContentResponse({ description: 'The operation has ended, and you have all of its events.' })
  async watch(
    @CurrentPrincipal() principal: Principal,
    @Param() { id }: OperationParams,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.events.respond(principal, id, reply);
  }

  /** Cancels an operation that has not started; 409 afterwards. */
  @Delete(':id')
  @HttpCode(204)
  @Requires('readOperations')
  @ApiNoContentResponse()
  async cancel(@CurrentPrincipal() principal: Principal, @Param() { id }: OperationParams): Promise<void> {
    await this.operations.cancel(principal, id);
  }
}
