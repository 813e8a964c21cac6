import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { ListQuery, offsets, type PageDto, pageDtoOf, readPageAfter } from '../http/list.dto.js';
import { OneDriveParams, SessionParams } from '../http/params.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { toFoundItemDto, toItemDto, toOneDriveDto, toOwnedOneDriveDto } from './catalog-presenter.js';
import { ItemDto, ItemsQuery, OneDriveDto, OwnedOneDriveDto, SearchDto } from './catalog.dto.js';
import { CatalogService } from './catalog.service.js';
import { places } from './page-of-parts.js';

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
    const listing = `restore-sessions/${sid}/onedrives`;
    return readPageAfter(principal, listing, query, offsets, async ({ limit, after: offset = 0 }) => {
      const { items, nextOffset } = await this.catalog.oneDrives(principal, sid, { limit, offset });
      return { items: items.map(toOneDriveDto), last: nextOffset };
    });
  }

  /** Items by their names, in all OneDrives you may browse. */
  @Post('search')
  @HttpCode(200)
  @Requires('browse')
  @ApiOkResponse({ type: pageDtoOf(ItemDto) })
  async searchAll(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid }: SessionParams,
    @Query() page: ListQuery,
    @Body() { query }: SearchDto,
  ): Promise<PageDto<ItemDto>> {
    const listing = `restore-sessions/${sid}/search?${query}`;
    return readPageAfter(principal, listing, page, places, async (after) => {
      const { items, last } = await this.catalog.searchAll(principal, sid, query, after);
      return { items: items.map(toFoundItemDto), last };
    });
  }

  /** One OneDrive, and whose it is. */
  @Get(':oid')
  @Requires('browse')
  @ApiOkResponse({ type: OwnedOneDriveDto })
  async get(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid, oid }: OneDriveParams,
  ): Promise<OwnedOneDriveDto> {
    return toOwnedOneDriveDto(await this.catalog.ownedOneDrive(principal, sid, oid));
  }

  /** What lies in a folder, or at the root: folders first. */
  @Get(':oid/items')
  @Requires('browse')
  @ApiOkResponse({ type: pageDtoOf(ItemDto) })
  async items(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid, oid: oneDriveId }: OneDriveParams,
    @Query() { parentId, ...page }: ItemsQuery,
  ): Promise<PageDto<ItemDto>> {
    const listing = `restore-sessions/${sid}/onedrives/${oneDriveId}/items/${parentId ?? ''}`;
    return readPageAfter(principal, listing, page, places, async (after) => {
      const { items, last } = await this.catalog.children(principal, sid, { oneDriveId, parentId }, after);
      return { items: items.map(toItemDto), last };
    });
  }

  /** Items of a OneDrive by their names. */
  @Post(':oid/search')
  @HttpCode(200)
  @Requires('browse')
  @ApiOkResponse({ type: pageDtoOf(ItemDto) })
  async search(
    @CurrentPrincipal() principal: Principal,
    @Param() { sid, oid: oneDriveId }: OneDriveParams,
    @Query() page: ListQuery,
    @Body() { query }: SearchDto,
  ): Promise<PageDto<ItemDto>> {
    const listing = `restore-sessions/${sid}/onedrives/${oneDriveId}/search?${query}`;
    return readPageAfter(principal, listing, page, places, async (after) => {
      const { items, last } = await this.catalog.search(principal, sid, { oneDriveId, query }, after);
      return { items: items.map(toFoundItemDto), last };
    });
  }
}
