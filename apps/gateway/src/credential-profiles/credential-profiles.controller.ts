import { CurrentPrincipal, type Principal } from '@app/identity';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';

import { cut, ListQuery, type PageDto, pageDtoOf, readPage } from '../http/list.dto.js';
import { Requires } from '../policy/requires.decorator.js';
import { CredentialProfileDto } from './credential-profile.dto.js';
import { CredentialProfileListing } from './credential-profile-listing.service.js';

@ApiTags('credential profiles')
@Controller('api/v1/credential-profiles')
export class CredentialProfilesController {
  constructor(private readonly profiles: CredentialProfileListing) {}

  /** The credential profiles of the organizations you operate, and how long their certificates are good for. Never a secret. */
  @Get()
  @Requires('listCredentialProfiles')
  @ApiOkResponse({ type: pageDtoOf(CredentialProfileDto) })
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListQuery,
  ): Promise<PageDto<CredentialProfileDto>> {
    return readPage(principal, 'credential-profiles', query, async ({ offset, limit }) =>
      cut((await this.profiles.list(principal)).slice(offset), limit),
    );
  }
}
