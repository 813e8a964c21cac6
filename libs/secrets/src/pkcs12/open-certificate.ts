import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

import { KeyDerivation } from './key-derivation.js';
import { DAMAGED, OTHER_PASSWORDS, Pkcs12Error, WRONG_PASSWORD } from './pkcs12-error.js';
import { openPkcs12, type Pkcs12Content, type Pkcs12File, readPkcs12 } from './read-pkcs12.js';

/** What may be told of a certificate; nothing of it is secret. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** SHA-1 of the certificate (DER), as Windows and Entra ID show it: 40 upper-case hexadecimal digits. */
  readonly thumbprint: string;
  /** SHA-256 likewise, 64 digits. */
  readonly thumbprintSha256: string;
  readonly keyType: 'RSA' | 'EC';
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whether the file would tell that it was changed or damaged. Without one, all that is sure is that the key is that of the certificate. */
  readonly hasMac: boolean;
}

/**
 * Opens a PKCS#12 file and looks whether it is good for a login: it has one private key and the certificate of it.
 * Takes processor time, hundreds of milliseconds if the file asks for many rounds.
 *
 * @param password empty for a file without one
 * @throws Pkcs12Error
 */
export function openCertificate(file: Buffer, password: string): CertificateFacts {
  try {
    const container = readPkcs12(file);
    for (const keys of KeyDerivation.of(password)) {
      const facts = opened(container, keys);
      if (!facts) continue;
      if (password !== '' && !keys.isUsed) throw new Pkcs12Error('must have a password, or be said to have none');
      return facts;
    }
  } catch (error) {
    // Those of node:crypto may quote what they could not read.
    throw error instanceof Pkcs12Error ? error : new Pkcs12Error(DAMAGED);
  }
  throw new Pkcs12Error(password === '' ? 'cannot be opened without a password' : WRONG_PASSWORD);
}

/** Undefined when the password, as these keys take it, does not open it. */
function opened(container: Pkcs12File, keys: KeyDerivation): CertificateFacts | undefined {
  const hasMac = container.mac !== undefined;
  try {
    const { certificate, keyType } = pairIn(openPkcs12(container, keys));
    if (!hasMac) requireSigned(certificate);
    return { ...factsOf(certificate, keyType), hasMac };
  } catch (error) {
    const rule = error instanceof Pkcs12Error ? error.message : DAMAGED;
    const isWrong = rule === WRONG_PASSWORD;
    // Without a MAC, what a wrong password decrypts just looks broken.
    const mayBeWrong = !hasMac && keys.isUsed && (rule === DAMAGED || rule === OTHER_PASSWORDS);
    if (isWrong || mayBeWrong) return undefined;
    throw error;
  }
}

function pairIn({ certificates, keys }: Pkcs12Content) {
  const [keyBytes, ...otherKeys] = keys;
  if (!keyBytes) throw new Pkcs12Error('must hold a private key');
  if (otherKeys.length > 0) throw new Pkcs12Error('must hold one private key only');
  if (certificates.length === 0) throw new Pkcs12Error('must hold a certificate');
  const key = createPrivateKey({ key: keyBytes, format: 'der', type: 'pkcs8' });
  const certificate = certificates.map((der) => new X509Certificate(der)).find((one) => one.checkPrivateKey(key));
  if (!certificate) throw new Pkcs12Error('must hold the certificate of its private key');
  return { certificate, keyType: keyTypeOf(key) };
}

/** One that signed itself can be held against its signature; who signed another is not known here. */
function requireSigned(certificate: X509Certificate): void {
  if (certificate.issuer === certificate.subject && !certificate.verify(certificate.publicKey)) {
    throw new Pkcs12Error('must hold a certificate whose signature is right');
  }
}

function keyTypeOf({ asymmetricKeyType }: KeyObject): CertificateFacts['keyType'] {
  if (asymmetricKeyType === 'rsa') return 'RSA';
  if (asymmetricKeyType === 'ec') return 'EC';
  throw new Pkcs12Error('must hold an RSA or EC key');
}

function factsOf(certificate: X509Certificate, keyType: CertificateFacts['keyType']): Omit<CertificateFacts, 'hasMac'> {
  const notBefore = new Date(certificate.validFrom);
  const notAfter = new Date(certificate.validTo);
  if (Number.isNaN(notBefore.getTime()) || Number.isNaN(notAfter.getTime())) throw new Pkcs12Error(DAMAGED);
  return {
    subject: onOneLine(certificate.subject),
    issuer: onOneLine(certificate.issuer),
    thumbprint: certificate.fingerprint.replaceAll(':', ''),
    thumbprintSha256: certificate.fingerprint256.replaceAll(':', ''),
    keyType,
    notBefore,
    notAfter,
  };
}

/** Node.js tells each part of a name on a line of its own, and escapes control characters in it. */
function onOneLine(name: string): string {
  return name.split('\n').join(', ');
}
