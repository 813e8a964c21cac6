import type { Configuration } from '@app/config';
import { Public } from '@app/identity';
import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiSecurity, ApiTags } from '@nestjs/swagger';

import { CONFIGURATION } from '../infrastructure/tokens.js';

/** Tells a client where to get a token for this resource (RFC 9728). */
@ApiTags('health')
@ApiSecurity({})
@Controller('.well-known/oauth-protected-resource')
export class ProtectedResourceController {
  constructor(@Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'server' | 'issuers'>) {}

  @Get()
  @Public()
  @ApiOperation({ summary: 'OAuth 2.0 protected resource metadata.' })
  metadata() {
    const { issuers, server } = this.configuration;
    return {
      resource: server.publicUrl,
      authorization_servers: issuers.map(({ issuer }) => issuer),
      bearer_methods_supported: ['header'],
    };
  }
}
