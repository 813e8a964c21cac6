import { createHmac, timingSafeEqual } from 'node:crypto';

import {
  type Element,
  EXPLICIT_0,
  IMPLICIT_0,
  objectIdentifierOf,
  octetsOf,
  partsOf,
  readElement,
  required,
  SEQUENCE,
  unsignedOf,
} from './ber.js';
import { decrypt, unsupported } from './decryption.js';
import type { KeyDerivation } from './key-derivation.js';
import { Pkcs12Error, WRONG_PASSWORD } from './pkcs12-error.js';

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const KEY_BAG = '1.2.840.113549.1.12.10.1.1';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';

/** Of a MAC, by the hash it is made with. */
const macHashes = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.4', 'sha224'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);
const HASH_LENGTH: Readonly<Record<string, number>> = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 };

export interface Pkcs12Content {
  /** X.509, DER. */
  readonly certificates: readonly Buffer[];
  /** PKCS#8, DER. */
  readonly keys: readonly Buffer[];
}

/** A PKCS#12 file (RFC 7292) before anything in it was opened. */
export interface Pkcs12File {
  /** AuthenticatedSafe, BER. */
  readonly safes: Buffer;
  readonly mac: Element | undefined;
}

/** @throws Pkcs12Error unless it is one, protected by a password if at all */
export function readPkcs12(file: Buffer): Pkcs12File {
  const [version, authenticatedSafe, mac] = partsOf(readElement(file), SEQUENCE);
  if (unsignedOf(version) !== 3) throw new Pkcs12Error('must be a PKCS#12 file of version 3');
  const [type, content] = partsOf(authenticatedSafe, SEQUENCE);
  if (objectIdentifierOf(type) !== DATA) throw new Pkcs12Error('must be protected by a password, not by a signature');
  return { safes: octetsOf(partsOf(content, EXPLICIT_0)[0]), mac };
}

/**
 * What is in a file, once its MAC was right. Without a MAC nothing tells a wrong password from a damaged file, nor whether what is not
 * encrypted is what its maker wrote.
 *
 * @throws Pkcs12Error
 */
export function openPkcs12({ safes, mac }: Pkcs12File, keys: KeyDerivation): Pkcs12Content {
  if (mac) verifyMac(mac, safes, keys);
  const found = { certificates: [] as Buffer[], keys: [] as Buffer[] };
  for (const safe of partsOf(readElement(safes), SEQUENCE)) {
    for (const bag of partsOf(readElement(contentOf(safe, keys)), SEQUENCE)) takeBag(bag, keys, found);
  }
  return found;
}

function verifyMac(macData: Element, safes: Buffer, keys: KeyDerivation): void {
  const [digestInfo, saltPart, roundsPart] = partsOf(macData, SEQUENCE);
  const [algorithm, digestPart] = partsOf(digestInfo, SEQUENCE);
  const identifier = objectIdentifierOf(partsOf(algorithm, SEQUENCE)[0]);
  const hash = macHashes.get(identifier);
  if (hash === undefined) throw unsupported('MAC', identifier);
  const rounds = roundsPart ? unsignedOf(roundsPart) : 1;
  const key = keys.pkcs12(hash, 3, octetsOf(saltPart), rounds, HASH_LENGTH[hash] ?? 0);
  const expected = createHmac(hash, key).update(safes).digest();
  const digest = octetsOf(digestPart);
  if (digest.length !== expected.length || !timingSafeEqual(digest, expected)) {
    throw new Pkcs12Error(WRONG_PASSWORD);
  }
}

/** SafeContents of one ContentInfo. */
function contentOf(safe: Element, keys: KeyDerivation): Buffer {
  const [type, content] = partsOf(safe, SEQUENCE);
  const identifier = objectIdentifierOf(type);
  const [inner] = partsOf(content, EXPLICIT_0);
  if (identifier === DATA) return octetsOf(inner);
  if (identifier !== ENCRYPTED_DATA) throw unsupported('content', identifier);
  const [, encryptedContent] = partsOf(inner, SEQUENCE);
  const [, algorithm, encrypted] = partsOf(encryptedContent, SEQUENCE);
  return decrypt(algorithm, octetsOf(encrypted, IMPLICIT_0), keys);
}

/** Bags of other kinds, such as CRLs, are passed over. */
function takeBag(bag: Element, keys: KeyDerivation, found: { certificates: Buffer[]; keys: Buffer[] }): void {
  const [type, value] = partsOf(bag, SEQUENCE);
  const wrapped = required(value, EXPLICIT_0).content;
  switch (objectIdentifierOf(type)) {
    case KEY_BAG:
      found.keys.push(wrapped);
      return;
    case SHROUDED_KEY_BAG: {
      const [algorithm, encrypted] = partsOf(readElement(wrapped), SEQUENCE);
      found.keys.push(decrypt(algorithm, octetsOf(encrypted), keys));
      return;
    }
    case CERTIFICATE_BAG: {
      const [kind, certificate] = partsOf(readElement(wrapped), SEQUENCE);
      if (objectIdentifierOf(kind) !== X509_CERTIFICATE) return;
      found.certificates.push(octetsOf(partsOf(certificate, EXPLICIT_0)[0]));
    }
  }
}
