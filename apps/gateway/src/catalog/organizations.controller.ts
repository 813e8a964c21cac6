import { CurrentPrincipal, type Principal } from '@app/identity';
import type { ServedOrganization } from '@app/veeam-client';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { cut, ListQuery, readPage } from '../http/list.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { toOrganizationDto } from './catalog-presenter.js';
import { type OrganizationDto, OrganizationPageDto } from './catalog.dto.js';
import { CatalogService } from './catalog.service.js';

@ApiTags('catalog')
@Controller('api/v1/organizations')
export class OrganizationsController {
  constructor(private readonly catalog: CatalogService) {}

  /** The organizations in which you have something to do. */
  @Get()
  @Requires('listOrganizations')
  @ApiOkResponse({ type: OrganizationPageDto })
  async list(@CurrentPrincipal() principal: Principal, @Query() query: ListQuery): Promise<OrganizationPageDto> {
    const seen = { isComplete: true };
    const page = await readPage(principal, 'organizations', query, async ({ offset, limit }) => {
      const visible = await this.catalog.organizations(principal);
      seen.isComplete = visible.isComplete;
      const { items, hasMore } = cut(visible.organizations.slice(offset), limit);
      return { items: await Promise.all(items.map((one) => this.toDto(one))), hasMore };
    });
    return seen.isComplete ? page : { ...page, incomplete: true };
  }

  private async toDto(organization: ServedOrganization): Promise<OrganizationDto> {
    return toOrganizationDto(organization, await this.catalog.capabilities(organization));
  }
}
