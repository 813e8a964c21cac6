import type { Configuration, CredentialProfileConfiguration, ProfileAction } from '@app/config';
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
    const profiles = this.profilesOf(organizationName);
    return profiles.length === 1 ? profiles[0] : profiles.find(({ isDefault }) => isDefault);
  }

  /**
   * The profile an action of an organization uses: the one named, else the organization's default.
   * @throws NoCredentialProfileError when there is none, or it is not for this action
   */
  resolve(organizationName: string, action: ProfileAction, name: string | undefined): CredentialProfileConfiguration {
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
    if (!profile.actions.includes(action)) {
      const whose = name === undefined ? 'default credential profile of the organization' : 'credential profile';
      throw new NoCredentialProfileError(`The ${whose} is not for the action ${action}; name another one.`);
    }
    return profile;
  }

  /** The credentials of a profile as they are now. @throws NoCredentialProfileError when it is gone */
  credentials(organizationName: string, action: ProfileAction, name: string | undefined): RestoreCredentials {
    const profile = this.resolve(organizationName, action, name);
    const { region } = profile;
    // A certificate and its password are replaced together, so what is read in one go belongs together.
    return profile.kind === 'user'
      ? { kind: 'user', region, userName: profile.userName, password: profile.password.current }
      : {
          kind: 'application',
          region,
          applicationId: profile.applicationId,
          certificate: profile.certificate.current,
          certificatePassword: profile.certificatePassword.current,
        };
  }

  private profilesOf(organizationName: string): CredentialProfileConfiguration[] {
    return this.configuration.credentialProfiles.filter(({ organizations }) =>
      organizations.includes(organizationName.toLowerCase()),
    );
  }
}
