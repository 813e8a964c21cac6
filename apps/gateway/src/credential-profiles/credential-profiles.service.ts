import type { Configuration, CredentialProfileConfiguration } from '@app/config';
import { NoCredentialProfileError } from '@app/problems';
import type { RestoreCredentials } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { CONFIGURATION } from '../infrastructure/tokens.js';

/** The Microsoft 365 credentials that stay on the server. Secrets leave it only on the way to upstream. */
@Injectable()
export class CredentialProfilesService {
  constructor(@Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'credentialProfiles'>) {}

  /** The profile that actions of an organization use unless they name one. */
  defaultOf(organizationName: string): CredentialProfileConfiguration | undefined {
    return this.profilesOf(organizationName)[0];
  }

  /**
   * The profile an action of an organization uses: the one named, else the organization's own.
   * @throws NoCredentialProfileError when there is none
   */
  resolve(organizationName: string, name: string | undefined): CredentialProfileConfiguration {
    const profile =
      name === undefined
        ? this.defaultOf(organizationName)
        : this.profilesOf(organizationName).find((candidate) => candidate.name === name);
    if (profile === undefined) {
      throw new NoCredentialProfileError(
        name === undefined
          ? 'No credential profile is configured for the organization.'
          : 'The organization has no such credential profile.',
      );
    }
    return profile;
  }

  /** The credentials of a profile as they are now. @throws NoCredentialProfileError when it is gone */
  credentials(organizationName: string, name: string | undefined): RestoreCredentials {
    const profile = this.resolve(organizationName, name);
    return profile.kind === 'user'
      ? { kind: 'user', userName: profile.userName, password: profile.password.current }
      : {
          kind: 'application',
          applicationId: profile.applicationId,
          certificate: profile.certificate.current,
          certificatePassword: profile.certificatePassword.current,
        };
  }

  private profilesOf(organizationName: string): CredentialProfileConfiguration[] {
    return this.configuration.credentialProfiles.filter(
      ({ organization }) => organization === organizationName.toLowerCase(),
    );
  }
}
