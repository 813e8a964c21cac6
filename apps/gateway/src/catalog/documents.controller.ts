import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { ListQuery, type PageDto, pageDtoOf, readPageAfter } from '../http/list.dto.js';
import { DocumentParams, DocumentVersionParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { toItemDto } from './catalog-presenter.js';
import { ItemDto } from './catalog.dto.js';
import { CatalogService } from './catalog.service.js';
import { places } from './page-of-parts.js';

@ApiTags('catalog')
@Controller('api/v1/restore-sessions/:sid/onedrives/:oid/documents/:did')
export class DocumentsController {
  constructor(private readonly catalog: CatalogService) {}

  @Get()
  @Requires('browse')
  @ApiOkResponse({ type: ItemDto })
  async get(@CurrentPrincipal() principal: Principal, @Param() { sid, item }: DocumentParams): Promise<ItemDto> {
    return toItemDto(await this.catalog.item(principal, sid, item));
  }

  /** Its earlier versions in the backup. The current one is the document itself. */
  @Get('versions')
  @Requires('browse')
  @ApiOkResponse({ type: pageDtoOf(ItemDto) })
  async versions(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid, item }: DocumentParams,
    @Query() page: ListQuery,
  ): Promise<PageDto<ItemDto>> {
    const listing = `restore-sessions/${sid}/onedrives/${item.oneDriveId}/documents/${item.itemId}/versions`;
    return readPageAfter(principal, listing, page, places, async (after) => {
      const { items, last } = await this.catalog.versions(principal, sid, item, after);
      return { items: items.map(toItemDto), last };
    });
  }

  @Get('versions/:vid')
  @Requires('browse')
  @ApiOkResponse({ type: ItemDto })
  async version(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid, item }: DocumentVersionParams,
  ): Promise<ItemDto> {
    return toItemDto(await this.catalog.item(principal, sid, item));
  }
}
