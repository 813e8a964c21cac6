import type { Clock } from '@app/clock';
import type { IssuerConfiguration, RoleBinding } from '@app/config';
import { IssuerUnavailableError, TokenMissingError } from '@app/problems';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { AccessTokenStrategy } from './access-token.strategy.js';
import { readBearerToken } from './bearer-token.js';
import { readCompactToken } from './compact-token.js';
import { IssuerKeys, type IssuerKeysState } from './issuer-keys.js';
import { principalFromClaims } from './principal-from-claims.js';
import type { Authenticated } from './principal.js';
import { TokenRefusedError, type TokenRefusal } from './refusal.js';
import { checkTokenClaims } from './token-claims.js';
import { readTokenHeader } from './token-header.js';

/** Why a request was not let in: a bounded set of words, fit for a metric's label. */
export type AuthenticationRefusal = TokenRefusal | 'missing' | 'issuer-unavailable';

export interface AuthenticatorOptions {
  readonly issuers: readonly IssuerConfiguration[];
  /** Those of now: they may change while the gateway runs. */
  readonly roleBindings: () => readonly RoleBinding[];
  readonly clock: Clock;
  readonly onRefused?: (refusal: AuthenticationRefusal) => void;
  /** The keys of an issuer could not be refreshed; `reason` is safe to log. */
  readonly onRefreshFailed?: (issuer: string, reason: string) => void;
}

interface TrustedIssuer {
  readonly configuration: IssuerConfiguration;
  readonly keys: IssuerKeys;
}

/** Turns the Authorization header of a request into the caller. Keys are fetched from the start of the module to its end. */
export class AccessTokenAuthenticator implements OnModuleInit, OnApplicationShutdown {
  private readonly issuers: ReadonlyMap<string, TrustedIssuer>;

  constructor(private readonly options: AuthenticatorOptions) {
    this.issuers = new Map(
      options.issuers.map((configuration) => {
        const keys = new IssuerKeys(configuration, options.clock, options.onRefreshFailed);
        return [configuration.issuer, { configuration, keys }];
      }),
    );
  }

  onModuleInit(): void {
    for (const { keys } of this.issuers.values()) keys.start();
  }

  onApplicationShutdown(): void {
    for (const { keys } of this.issuers.values()) keys.stop();
  }

  /** For health: one state an issuer. */
  issuerStates(): readonly IssuerKeysState[] {
    return [...this.issuers.values()].map(({ keys }) => keys.state());
  }

  /**
   * @param rawHeaders as `IncomingMessage.rawHeaders`
   * @throws TokenMissingError, TokenRefusedError (a TokenInvalidError), IssuerUnavailableError
   */
  async authenticate(rawHeaders: readonly string[]): Promise<Authenticated> {
    try {
      return await this.verify(readBearerToken(rawHeaders).expose());
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal) this.options.onRefused?.(refusal);
      throw error;
    }
  }

  /** Before the signature is proven, `iss`, `kid` and the shape of the token are all that is looked at. */
  private async verify(token: string): Promise<Authenticated> {
    const { header: unproven, payload } = readCompactToken(token);
    const trusted = typeof payload.iss === 'string' ? this.issuers.get(payload.iss) : undefined;
    if (!trusted) throw new TokenRefusedError('unknown-issuer');
    const { configuration: issuer, keys } = trusted;
    const header = readTokenHeader(unproven, issuer);
    const now = this.options.clock.now();
    const strategy = new AccessTokenStrategy({
      token,
      algorithm: header.algorithm,
      issuer,
      now,
      findKey: () => keys.find(header),
      validate: (unchecked) => {
        const { claims, goodUntil } = checkTokenClaims(unchecked, issuer, now);
        return { principal: principalFromClaims(claims, issuer, this.options.roleBindings()), goodUntil };
      },
    });
    return await strategy.run();
  }
}

function refusalOf(error: unknown): AuthenticationRefusal | undefined {
  if (error instanceof TokenRefusedError) return error.refusal;
  if (error instanceof TokenMissingError) return 'missing';
  if (error instanceof IssuerUnavailableError) return 'issuer-unavailable';
  return undefined;
}
