import { createDecipheriv } from 'node:crypto';

import { type Element, objectIdentifierOf, octetsOf, partsOf, required, SEQUENCE, unsignedOf } from './ber.js';
import type { KeyDerivation } from './key-derivation.js';
import { DAMAGED, OTHER_PASSWORDS, Pkcs12Error } from './pkcs12-error.js';
import { decryptRc2Cbc } from './rc2.js';

interface Cipher {
  readonly name: string;
  readonly keyLength: number;
  readonly blockSize: 8 | 16;
}

const TRIPLE_DES: Cipher = { name: 'des-ede3-cbc', keyLength: 24, blockSize: 8 };

/** RFC 7292, appendix C: each with SHA-1 and PKCS#12's own key derivation. */
const pkcs12Ciphers = new Map<string, Cipher>([
  ['1.2.840.113549.1.12.1.3', TRIPLE_DES],
  ['1.2.840.113549.1.12.1.5', { name: 'rc2', keyLength: 16, blockSize: 8 }],
  ['1.2.840.113549.1.12.1.6', { name: 'rc2', keyLength: 5, blockSize: 8 }],
]);

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';

/** RFC 8018, appendix B.2. */
const pbes2Ciphers = new Map<string, Cipher>([
  ['2.16.840.1.101.3.4.1.2', { name: 'aes-128-cbc', keyLength: 16, blockSize: 16 }],
  ['2.16.840.1.101.3.4.1.22', { name: 'aes-192-cbc', keyLength: 24, blockSize: 16 }],
  ['2.16.840.1.101.3.4.1.42', { name: 'aes-256-cbc', keyLength: 32, blockSize: 16 }],
  ['1.2.840.113549.3.7', TRIPLE_DES],
]);

/** RFC 8018, appendix B.1; the first one is meant where none is named. */
const HMAC_WITH_SHA1 = '1.2.840.113549.2.7';
const pbkdf2Hashes = new Map([
  [HMAC_WITH_SHA1, 'sha1'],
  ['1.2.840.113549.2.8', 'sha224'],
  ['1.2.840.113549.2.9', 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
]);

export function unsupported(what: string, identifier: string): Pkcs12Error {
  return new Pkcs12Error(`must be protected in a way that is known here, and its ${what} is ${identifier}`);
}

/** @param algorithm AlgorithmIdentifier of an encryption by password. @throws Pkcs12Error */
export function decrypt(algorithm: Element | undefined, encrypted: Buffer, keys: KeyDerivation): Buffer {
  const [identifierPart, parameters] = partsOf(algorithm, SEQUENCE);
  const identifier = objectIdentifierOf(identifierPart);
  if (identifier === PBES2) return decryptPbes2(parameters, encrypted, keys);
  const cipher = pkcs12Ciphers.get(identifier);
  if (!cipher) throw unsupported('encryption', identifier);
  const [saltPart, roundsPart] = partsOf(parameters, SEQUENCE);
  const salt = octetsOf(saltPart);
  const rounds = unsignedOf(roundsPart);
  const key = keys.pkcs12('sha1', 1, salt, rounds, cipher.keyLength);
  const iv = keys.pkcs12('sha1', 2, salt, rounds, cipher.blockSize);
  return decipher(cipher, key, iv, encrypted);
}

function decryptPbes2(parameters: Element | undefined, encrypted: Buffer, keys: KeyDerivation): Buffer {
  const [derivation, encryption] = partsOf(parameters, SEQUENCE);
  const [derivationPart, derivationParameters] = partsOf(derivation, SEQUENCE);
  const derivationIdentifier = objectIdentifierOf(derivationPart);
  if (derivationIdentifier !== PBKDF2) throw unsupported('key derivation', derivationIdentifier);
  const [cipherPart, ivPart] = partsOf(encryption, SEQUENCE);
  const cipherIdentifier = objectIdentifierOf(cipherPart);
  const cipher = pbes2Ciphers.get(cipherIdentifier);
  if (!cipher) throw unsupported('encryption', cipherIdentifier);

  const [saltPart, roundsPart, ...others] = partsOf(derivationParameters, SEQUENCE);
  const functionPart = others.find(({ tag }) => tag === SEQUENCE);
  const identifier = functionPart ? objectIdentifierOf(partsOf(functionPart, SEQUENCE)[0]) : HMAC_WITH_SHA1;
  const hash = pbkdf2Hashes.get(identifier);
  if (hash === undefined) throw unsupported('key derivation', identifier);
  const key = keys.pbkdf2(hash, octetsOf(saltPart), unsignedOf(roundsPart), cipher.keyLength);
  return decipher(cipher, key, octetsOf(required(ivPart, 0x04)), encrypted);
}

function decipher({ name, blockSize }: Cipher, key: Buffer, iv: Buffer, encrypted: Buffer): Buffer {
  if (iv.length !== blockSize || encrypted.length === 0 || encrypted.length % blockSize !== 0) {
    throw new Pkcs12Error(DAMAGED);
  }
  const padded =
    name === 'rc2'
      ? decryptRc2Cbc(key, iv, encrypted)
      : createDecipheriv(name, key, iv).setAutoPadding(false).update(encrypted);
  const padding = padded.at(-1) ?? 0;
  if (padding < 1 || padding > blockSize || !padded.subarray(-padding).every((octet) => octet === padding)) {
    throw new Pkcs12Error(OTHER_PASSWORDS);
  }
  return padded.subarray(0, -padding);
}
