import { CurrentPrincipal, type Principal } from '@app/identity';
import type { OneDrive } from '@app/veeam-client';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { ListQuery, type PageDto, pageDtoOf, readPage } from '../http/list.dto.js';
import { OneDriveParams, SessionParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { OneDriveDto } from './catalog.dto.js';
import { CatalogService } from './catalog.service.js';

@ApiTags('catalog')
@Controller('api/v1/restore-sessions/:sid/onedrives')
export class OneDrivesController {
  constructor(private readonly catalog: CatalogService) {}

  /** The OneDrives you may browse in a restore session. */
  @Get()
  @Requires('browse')
  @ApiOkResponse({ type: pageDtoOf(OneDriveDto) })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid }: SessionParams,
    @Query() query: ListQuery,
  ): Promise<PageDto<OneDriveDto>> {
    return readPage(principal, `restore-sessions/${sid}/onedrives`, query, async (page) => {
      const { items, hasMore } = await this.catalog.oneDrives(principal, sid, page);
      return { items: items.map(toOneDriveDto), hasMore };
    });
  }

  @Get(':oid')
  @Requires('browse')
  @ApiOkResponse({ type: OneDriveDto })
  async get(@CurrentPrincipal() principal: Principal, @Param() { sid, oid }: OneDriveParams): Promise<OneDriveDto> {
    return toOneDriveDto(await this.catalog.oneDrive(principal, sid, oid));
  }
}

function toOneDriveDto({ id, name }: OneDrive): OneDriveDto {
  return { id, name };
}
