import { constants, createHmac, createPrivateKey, KeyObject, sign } from 'node:crypto';

/** A key, or its text: what an HMAC takes for its secret may be any. */
export type JwtKey = KeyObject | string | Buffer;

/**
 * A JWS in compact form (RFC 7515, section 7.1) over whatever header and claims are given. Written by hand because
 * a JOSE library rightly refuses most of what negative tests need: `alg: none`, HMAC with a public key, unknown `crit`.
 */
export function signJwt(header: Readonly<Record<string, unknown>>, claims: object, key: JwtKey): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signature(String(header.alg), Buffer.from(input), key).toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signature(alg: string, input: Buffer, key: JwtKey): Buffer {
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('HS')) return createHmac(hash, key).update(input).digest();
  if (!/^[REP]S/.test(alg)) return Buffer.alloc(0);

  const privateKey = key instanceof KeyObject ? key : createPrivateKey(key);
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return sign(hash, input, { key: privateKey, dsaEncoding: 'ieee-p1363', ...(alg.startsWith('PS') && pss) });
}
