import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { cut, ListQuery, type PageDto, pageDtoOf, readPage } from '../http/list.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { toOrganizationDto } from './catalog-presenter.js';
import { OrganizationDto } from './catalog.dto.js';
import { CatalogService } from './catalog.service.js';

@ApiTags('catalog')
@Controller('api/v1/organizations')
export class OrganizationsController {
  constructor(private readonly catalog: CatalogService) {}

  /** The organizations in which you have something to do. */
  @Get()
  @Requires('listOrganizations')
  @ApiOkResponse({ type: pageDtoOf(OrganizationDto) })
  async list(@CurrentPrincipal() principal: Principal, @Query() query: ListQuery): Promise<PageDto<OrganizationDto>> {
    return readPage(principal, 'organizations', query, async ({ offset, limit }) => {
      const organizations = await this.catalog.organizations(principal);
      const capabilities = await this.catalog.capabilities();
      return cut(
        organizations.slice(offset).map((organization) => toOrganizationDto(organization, capabilities)),
        limit,
      );
    });
  }
}
