import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { type Logger, Metrics } from '@app/logging';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { CredentialCertificates } from './credential-certificates.js';

const DAY_MS = 86_400_000;
/** Days before the end at which the log warns. */
const WARNINGS = [0, 1, 7, 14, 30];

/** Whole days that are left until then, rounded down: negative once it is over. */
export function daysUntil(time: Date, clock: Clock): number {
  return Math.floor((time.getTime() - clock.now()) / DAY_MS);
}

/** Tells in time, in the metrics and the log, that a certificate expires. */
@Injectable()
export class CredentialExpiry {
  /** The last warning of each certificate, by its thumbprint. */
  private readonly warned = new Map<string, number>();

  constructor(
    private readonly certificates: CredentialCertificates,
    private readonly metrics: Metrics,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'credentialProfiles'>,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** To be called again and again. */
  look(): void {
    for (const profile of this.configuration.credentialProfiles) {
      const facts = this.certificates.of(profile);
      if (facts === undefined) continue;
      const { notAfter, thumbprint } = facts;
      const msLeft = notAfter.getTime() - this.clock.now();
      this.metrics.setCredentialDaysToExpiry(profile.name, daysUntil(notAfter, this.clock));
      const warning = WARNINGS.find((days) => msLeft <= days * DAY_MS);
      if (warning === undefined || (this.warned.get(thumbprint) ?? Infinity) <= warning) continue;
      this.warned.set(thumbprint, warning);
      const told = { credentialProfile: profile.name, thumbprint, expiresAt: notAfter.toISOString() };
      if (msLeft < 0) this.logger.error(told, 'the certificate of a credential profile has expired');
      else this.logger.warn(told, 'the certificate of a credential profile expires soon');
    }
  }

  /** The profiles whose certificate is used although it is over. */
  expired(): string[] {
    return this.configuration.credentialProfiles
      .filter((profile) => (this.certificates.of(profile)?.notAfter.getTime() ?? Infinity) < this.clock.now())
      .map(({ name }) => name);
  }
}
