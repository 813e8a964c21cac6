import type { Configuration } from '@app/config';
import { CurrentPrincipal, type Principal } from '@app/identity';
import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

import { CatalogService } from '../catalog/catalog.service.js';
import { CONFIGURATION } from '../infrastructure/tokens.js';
import { Requires } from '../policy/requires.decorator.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';
import { readV5Explore } from './read-v5-commands.js';
import { V5OrganizationParams } from './v5-compatibility.dto.js';
import { toV5Organization, toV5Session } from './v5-presenter.js';

@ApiTags('v5 compatibility')
@Controller('v5/Organizations')
export class V5OrganizationsController {
  constructor(
    private readonly catalog: CatalogService,
    private readonly sessions: RestoreSessionsService,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'server'>,
  ) {}

  @Get()
  @Requires('listOrganizations')
  @ApiOperation({ summary: 'The organizations in which you have something to do, as a bare array.' })
  async list(@CurrentPrincipal() principal: Principal) {
    const { organizations } = await this.catalog.organizations(principal);
    return organizations.map(toV5Organization);
  }

  @Post(':id/Action')
  @HttpCode(201)
  @Requires('openRestoreSession')
  @ApiOperation({
    summary: 'Opens a restore session: `{"explore": {"dateTime"?, "type"?, "showDeleted"?, "showAllVersions"?}}`.',
  })
  async explore(
    @CurrentPrincipal() principal: Principal,
    @Param() { id }: V5OrganizationParams,
    @Body() body: unknown,
  ) {
    const session = await this.sessions.open(principal, { organizationId: id, ...readV5Explore(body) });
    return toV5Session(session, this.configuration.server.publicUrl);
  }
}
