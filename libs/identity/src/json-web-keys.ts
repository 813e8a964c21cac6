import { KeyObject } from 'node:crypto';
import { importJWK, type JWK } from 'jose';
import { isObject, type JsonObject } from './compact-token.js';
import type { SigningAlgorithm } from './token-header.js';

/** A public key of an issuer and what it may verify. */
export interface VerificationKey {
  readonly keyId: string | undefined;
  readonly algorithms: readonly SigningAlgorithm[];
  readonly key: KeyObject;
}

const SHORTEST_RSA_MODULUS_BITS = 2048;

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const curveAlgorithms: Readonly<Record<string, SigningAlgorithm>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
};

/**
 * The keys of a JWK Set (RFC 7517) that can verify access tokens. A key that cannot, such as one for encryption, of another kind, or too
 * short, is left out, as section 5 asks for; so is anything that is no key at all.
 */
export async function importJsonWebKeys(jwks: unknown): Promise<VerificationKey[]> {
  const entries: unknown[] = isObject(jwks) && Array.isArray(jwks.keys) ? jwks.keys : [];
  const keys = await Promise.all(entries.filter(isObject).map(importJsonWebKey));
  return keys.filter((key) => key !== undefined);
}

async function importJsonWebKey(jwk: JsonObject): Promise<VerificationKey | undefined> {
  const [algorithm, ...others] = algorithmsOf(jwk);
  if (!algorithm || (jwk.use !== undefined && jwk.use !== 'sig')) return undefined;
  try {
    const imported = await importJWK(publicMembers(jwk), algorithm);
    if (imported instanceof Uint8Array) return undefined;
    const key = KeyObject.from(imported);
    const { modulusLength = Infinity } = key.asymmetricKeyDetails ?? {};
    if (modulusLength < SHORTEST_RSA_MODULUS_BITS) return undefined;
    const keyId = typeof jwk.kid === 'string' ? jwk.kid : undefined;
    return { keyId, algorithms: [algorithm, ...others], key };
  } catch {
    return undefined;
  }
}

/** What the key may verify by its kind, narrowed to its `alg` if it has one. */
function algorithmsOf({ kty, crv, alg }: JsonObject): readonly SigningAlgorithm[] {
  const byKind: readonly SigningAlgorithm[] =
    kty === 'RSA' ? rsaAlgorithms : kty === 'EC' && typeof crv === 'string' ? curveOf(crv) : [];
  return alg === undefined ? byKind : byKind.filter((algorithm) => algorithm === alg);
}

function curveOf(crv: string): readonly SigningAlgorithm[] {
  const algorithm = Object.hasOwn(curveAlgorithms, crv) ? curveAlgorithms[crv] : undefined;
  return algorithm ? [algorithm] : [];
}

/** A set that shows private members by mistake must not make a private key here. */
function publicMembers({ kty, n, e, crv, x, y }: JsonObject): JWK {
  return (kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y }) as JWK;
}
