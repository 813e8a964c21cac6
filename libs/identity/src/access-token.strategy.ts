import type { KeyObject } from 'node:crypto';
import type { IssuerConfiguration } from '@app/config';
import { Strategy } from 'passport-jwt';
import type { Authenticated } from './principal.js';
import { TokenRefusedError, type TokenRefusal } from './refusal.js';
import { CLOCK_TOLERANCE_SECONDS } from './token-claims.js';
import type { SigningAlgorithm } from './token-header.js';

/** One token on its way through the strategy. */
export interface AccessTokenAttempt {
  readonly token: string;
  /** The one algorithm the token may be signed with: allowed for the issuer and fit for the key. */
  readonly algorithm: SigningAlgorithm;
  readonly issuer: IssuerConfiguration;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** May reject, with what {@link AccessTokenStrategy.run} is then to reject with. */
  readonly findKey: () => Promise<KeyObject>;
  /** Makes the caller of the claims, once the signature is proven. Throws to refuse them. */
  readonly validate: (claims: unknown) => Authenticated;
}

/**
 * passport-jwt for exactly one attempt: the strategy copies its options when it is made, the time among them. It proves the signature
 * and checks issuer, audience, `exp` and `nbf`; `validate` does what jsonwebtoken leaves out.
 */
export class AccessTokenStrategy extends Strategy {
  constructor({ token, algorithm, issuer, now, findKey, validate }: AccessTokenAttempt) {
    super(
      {
        jwtFromRequest: () => token,
        // A key that cannot be had is not the token's fault, but passport-jwt makes a refusal of any error it is given here.
        secretOrKeyProvider: (_request: unknown, _token: unknown, done) => {
          findKey()
            // jsonwebtoken takes a KeyObject; the types of passport-jwt have not heard of it.
            .then((key) => {
              done(null, key as never);
            })
            .catch((error: unknown) => {
              this.error(error as Error);
            });
        },
        algorithms: [algorithm],
        issuer: issuer.issuer,
        audience: [...issuer.audiences],
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- what the types call deprecated are the options above, not this one
        jsonWebTokenOptions: { clockTimestamp: Math.floor(now / 1000), clockTolerance: CLOCK_TOLERANCE_SECONDS },
      },
      (claims: unknown, done) => {
        done(null, validate(claims));
      },
    );
  }

  /**
   * Does what passport does with a strategy: gives it the functions to end with, and starts it.
   *
   * @throws TokenRefusedError, or what `findKey` or `validate` failed with
   */
  run(): Promise<Authenticated> {
    return new Promise((resolve, reject) => {
      this.success = resolve;
      this.fail = (refusal: unknown) => {
        reject(new TokenRefusedError(refusalOf(refusal), refusal));
      };
      this.error = reject;
      // The attempt holds all that a request would be asked for.
      this.authenticate(undefined as never);
    });
  }
}

/** jsonwebtoken tells its refusals apart by name and text only; what it throws besides, it throws at signatures it cannot read. */
function refusalOf(error: unknown): TokenRefusal {
  if (!(error instanceof Error)) return 'bad-signature';
  if (error.name === 'TokenExpiredError') return 'expired';
  if (error.name === 'NotBeforeError') return 'not-yet-valid';
  if (error.message.startsWith('jwt audience invalid')) return 'wrong-audience';
  if (/^invalid (exp|nbf) value/.test(error.message)) return 'unsound-claims';
  return 'bad-signature';
}
