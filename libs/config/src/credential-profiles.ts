import type { SecretSource } from '@app/secrets';
import type { CredentialProfileConfiguration } from './configuration.js';
import type { SecretLoader } from './secret-loader.js';
import type { ApplicationProfileSettings, UserProfileSettings } from './settings.js';
import { NO_PASSWORD, variablesOf } from './validation.js';

type ProfileSettings = UserProfileSettings | ApplicationProfileSettings;

/** Stands where else the name of a credential profile does; no profile has it. */
export const DEVICE_CODE = 'device-code';

/** The profile with its secrets opened; undefined when one of them cannot be had. `folder` is where relative paths start. */
export async function openProfile(
  profile: ProfileSettings,
  key: string,
  folder: string,
  loader: SecretLoader,
): Promise<CredentialProfileConfiguration | undefined> {
  const { name, region, actions } = profile;
  const common = { name, organizations: organizationsOf(profile), isDefault: profile.default, actions, region };
  if (profile.kind === 'user') {
    const password = await loader.fromReference(`${key}.password`, profile.password, folder);
    return password && { kind: 'user', ...common, userName: profile.userName, password };
  }
  const { applicationId } = profile;
  const certificate = await loader.fromReference(`${key}.certificate`, profile.certificate, folder, 'pfx');
  const passwordKey = `${key}.certificatePassword`;
  const certificatePassword =
    profile.certificatePassword === NO_PASSWORD
      ? await loader.nothing(passwordKey)
      : await loader.fromReference(passwordKey, profile.certificatePassword, folder);
  if (!certificate || !certificatePassword) return undefined;
  return { kind: 'application', ...common, applicationId, certificate, certificatePassword };
}

/** One or several, as it was written. */
export function organizationsOf({ organization, organizations = [] }: ProfileSettings): string[] {
  return organization === undefined ? organizations : [organization];
}

export function secretsOf(profile: CredentialProfileConfiguration): SecretSource[] {
  return profile.kind === 'user' ? [profile.password] : [profile.certificate, profile.certificatePassword];
}

/** The variables that profiles take secrets from. */
export function referencedVariables(profiles: readonly ProfileSettings[]): string[] {
  return variablesOf(
    profiles.flatMap((profile) =>
      profile.kind === 'user' ? [profile.password] : [profile.certificate, profile.certificatePassword],
    ),
  );
}
