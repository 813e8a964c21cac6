import type { IssuerConfiguration } from '@app/config';
import { isSubject } from './claim-texts.js';
import { isObject, type JsonObject } from './compact-token.js';
import { TokenRefusedError } from './refusal.js';

/** What the clocks of gateway and issuer may differ by. */
export const CLOCK_TOLERANCE_SECONDS = 30;
/** The longest time after its `iat` that a token is good for, whatever its `exp` says. */
const LONGEST_AGE_SECONDS = 24 * 60 * 60;

/** The claims of a token whose signature, issuer and times were checked. */
export type AccessTokenClaims = JsonObject & { readonly iss: string; readonly sub: string };

/** A token that was found sound, and how long what it lets begin may go on. */
export interface CheckedToken {
  readonly claims: AccessTokenClaims;
  /** ms since the Unix epoch: its `exp` or greatest age; where only the tolerance lets it in, the end of that. */
  readonly goodUntil: number;
}

/** Claims of ID tokens only (OpenID Connect Core 1.0, sections 2 and 3.3.2.11). */
const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash'];

/**
 * The rules of a sound access token, over all that jsonwebtoken does not ask for.
 *
 * @param nowMs milliseconds since the Unix epoch
 * @throws TokenRefusedError
 */
export function checkTokenClaims(claims: unknown, issuer: IssuerConfiguration, nowMs: number): CheckedToken {
  if (!isObject(claims)) throw new TokenRefusedError('malformed-token');
  const { iss, sub } = claims;
  if (iss !== issuer.issuer) throw new TokenRefusedError('unknown-issuer');
  if (idTokenClaims.some((name) => Object.hasOwn(claims, name))) throw new TokenRefusedError('wrong-type');
  if (!isSubject(sub)) throw new TokenRefusedError('unsound-claims');
  checkAudience(claims.aud, issuer.audiences);
  const goodUntil = checkTimes(claims, nowMs / 1000) * 1000;
  return { claims: { ...claims, iss, sub }, goodUntil };
}

function checkAudience(aud: unknown, expected: readonly string[]): void {
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.every((audience) => typeof audience === 'string')) throw new TokenRefusedError('unsound-claims');
  if (!audiences.some((audience) => expected.includes(audience))) throw new TokenRefusedError('wrong-audience');
}

/** @returns until when it is good, in seconds as `now` is */
function checkTimes({ exp, iat, nbf }: JsonObject, now: number): number {
  // 1e999 is valid JSON and reads as Infinity: a token for ever.
  if (!isTime(exp) || !isTime(iat) || exp <= iat) throw new TokenRefusedError('unsound-claims');
  if (nbf !== undefined && !isTime(nbf)) throw new TokenRefusedError('unsound-claims');
  if (now >= exp + CLOCK_TOLERANCE_SECONDS) throw new TokenRefusedError('expired');
  if (now < Math.max(iat, nbf ?? iat) - CLOCK_TOLERANCE_SECONDS) throw new TokenRefusedError('not-yet-valid');
  if (now >= iat + LONGEST_AGE_SECONDS + CLOCK_TOLERANCE_SECONDS) throw new TokenRefusedError('too-old');
  const end = Math.min(exp, iat + LONGEST_AGE_SECONDS);
  return now < end ? end : end + CLOCK_TOLERANCE_SECONDS;
}

function isTime(value: unknown): value is number {
  return Number.isFinite(value);
}
