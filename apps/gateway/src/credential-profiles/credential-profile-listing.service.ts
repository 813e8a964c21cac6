import type { Clock } from '@app/clock';
import type { Configuration, CredentialProfileConfiguration } from '@app/config';
import type { Principal } from '@app/identity';
import { OperationsRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { CredentialAccess } from '../policy/credential-access.service.js';
import { CredentialCertificates } from './credential-certificates.js';
import { daysUntil } from './credential-expiry.js';
import type { CredentialProfileDto } from './credential-profile.dto.js';
import { CredentialProfilesService } from './credential-profiles.service.js';

/** What callers are shown of credential profiles. */
@Injectable()
export class CredentialProfileListing {
  constructor(
    private readonly access: CredentialAccess,
    private readonly profiles: CredentialProfilesService,
    private readonly certificates: CredentialCertificates,
    private readonly operations: OperationsRepository,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'credentialProfiles'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws ForbiddenError when there is no organization whose profiles the caller may see */
  async list(principal: Principal): Promise<CredentialProfileDto[]> {
    const visible = await this.access.organizations(principal);
    const lastUses = await this.operations.lastUsesOfCredentials(visible);
    return this.configuration.credentialProfiles
      .map((profile) => ({ profile, organizations: profile.organizations.filter((name) => visible.includes(name)) }))
      .filter(({ organizations }) => organizations.length > 0)
      .map(({ profile, organizations }) => this.toDto(profile, organizations, lastUses.get(profile.name)));
  }

  private toDto(
    profile: CredentialProfileConfiguration,
    organizations: readonly string[],
    lastUse: Date | undefined,
  ): CredentialProfileDto {
    const { name, kind, actions, region } = profile;
    const facts = this.certificates.of(profile);
    return {
      name,
      kind,
      organizations,
      defaultOf: organizations.filter((organization) => this.profiles.defaultOf(organization)?.name === name),
      actions,
      ...(region !== undefined && { region }),
      ...(facts && {
        subject: facts.subject,
        thumbprint: facts.thumbprint,
        expiresAt: facts.notAfter.toISOString(),
        daysToExpiry: daysUntil(facts.notAfter, this.clock),
      }),
      ...(lastUse && { lastUsedAt: lastUse.toISOString() }),
    };
  }
}
