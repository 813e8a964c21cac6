import type { Clock } from '@app/clock';
import {
  type Configuration,
  ConfigurationError,
  type ConfigurationFault,
  type CredentialProfileConfiguration,
} from '@app/config';
import { type CertificateFacts, checkCertificate, SecretSourceError, type SecretValues } from '@app/secrets';

export type ApplicationProfile = Extract<CredentialProfileConfiguration, { kind: 'application' }>;

/** What is known of the certificates in use: each was opened, and its password, key and validity checked, before it came into use. */
export class CredentialCertificates {
  private readonly facts = new Map<string, CertificateFacts>();

  private constructor(private readonly clock: Clock) {}

  /** @throws ConfigurationError that names the profiles with a certificate that cannot be used, and why */
  static async open(
    { credentialProfiles }: Pick<Configuration, 'credentialProfiles'>,
    clock: Clock,
  ): Promise<CredentialCertificates> {
    const certificates = new CredentialCertificates(clock);
    const faults: ConfigurationFault[] = [];
    for (const [index, profile] of credentialProfiles.entries()) {
      if (profile.kind !== 'application') continue;
      const { certificate, certificatePassword } = profile;
      try {
        const facts = await checkCertificate(certificate.current, certificatePassword.current, clock);
        certificates.facts.set(profile.name, facts);
      } catch (error) {
        if (!(error instanceof SecretSourceError)) throw error;
        faults.push({ key: `credentialProfiles[${index}].certificate (of ${profile.name})`, rule: error.message });
      }
    }
    if (faults.length > 0) throw new ConfigurationError(faults);
    return certificates;
  }

  /** Of the certificate in use; undefined where a profile has none. */
  of({ name }: Pick<CredentialProfileConfiguration, 'name'>): CertificateFacts | undefined {
    return this.facts.get(name);
  }

  /**
   * Opens what is to replace a certificate.
   * @returns what makes it the one in use here
   * @throws SecretSourceError
   */
  async try(
    { name }: ApplicationProfile,
    { certificate, certificatePassword }: SecretValues<'certificate' | 'certificatePassword'>,
  ): Promise<() => void> {
    const facts = await checkCertificate(certificate, certificatePassword, this.clock);
    return () => this.facts.set(name, facts);
  }
}
