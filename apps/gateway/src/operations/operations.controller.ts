import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { OperationDto } from '../actions/dto/operation.dto.js';
import { cut, ListQuery, type PageDto, pageDtoOf, readPage } from '../http/list.dto.js';
import { OperationParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { toOperationDto } from './operation-presenter.js';
import { OperationsService } from './operations.service.js';

@ApiTags('operations')
@Controller('api/v1/operations')
export class OperationsController {
  constructor(private readonly operations: OperationsService) {}

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

  /** Cancels an operation that has not started; 409 afterwards. */
  @Delete(':id')
  @HttpCode(204)
  @Requires('readOperations')
  @ApiNoContentResponse()
  async cancel(@CurrentPrincipal() principal: Principal, @Param() { id }: OperationParams): Promise<void> {
    await this.operations.cancel(principal, id);
  }
}
