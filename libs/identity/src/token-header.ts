import type { IssuerConfiguration } from '@app/config';
import type { JsonObject } from './compact-token.js';
import { TokenRefusedError } from './refusal.js';

/** No HMAC (the public key would be the secret), no `none`, and no EdDSA, which jsonwebtoken cannot verify. */
const signingAlgorithms = [
  ...(['RS256', 'RS384', 'RS512'] as const),
  ...(['PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512'] as const),
];

export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** All that is used of a token's header. `jku`, `x5u`, `x5c` and `jwk` are not: the sender's word on which key to believe. */
export interface AccessTokenHeader {
  readonly algorithm: SigningAlgorithm;
  readonly keyId: string | undefined;
}

/** Extensions that change what is signed or how it is read; none of them is understood here (RFC 7515, section 4.1.11; RFC 7797). */
const extensions = ['crit', 'b64', 'zip'];

/** @throws TokenRefusedError */
export function readTokenHeader(header: JsonObject, issuer: IssuerConfiguration): AccessTokenHeader {
  if (extensions.some((name) => Object.hasOwn(header, name))) throw new TokenRefusedError('header-not-accepted');
  const algorithm = signingAlgorithms.find((known) => known === header.alg);
  if (!algorithm || !issuer.algorithms.includes(algorithm)) throw new TokenRefusedError('algorithm-not-accepted');
  if (!isOfType(header.typ, issuer.tokenType)) throw new TokenRefusedError('wrong-type');
  const { kid } = header;
  if (kid !== undefined && typeof kid !== 'string') throw new TokenRefusedError('header-not-accepted');
  return { algorithm, keyId: kid };
}

/**
 * `typ` is a media type, in any case, whose `application/` may be left out (RFC 7515, section 4.1.9). An issuer that types its access tokens
 * plainly `JWT` may as well leave `typ` out (RFC 7519, section 5.1), as Okta and Ping do: neither tells an access token from an ID token.
 */
function isOfType(typ: unknown, expected: IssuerConfiguration['tokenType']): boolean {
  if (typ === undefined) return expected === 'JWT';
  if (typeof typ !== 'string') return false;
  return typ.toLowerCase().replace(/^application\//, '') === expected.toLowerCase();
}
