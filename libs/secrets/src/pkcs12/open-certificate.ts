import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

import { DAMAGED, Pkcs12Error } from './pkcs12-error.js';
import { readPkcs12 } from './read-pkcs12.js';

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
}

/**
 * Opens a PKCS#12 file and looks whether it is good for a login: it has one private key and the certificate of it.
 * Takes processor time, hundreds of milliseconds if the file asks for many rounds.
 *
 * @throws Pkcs12Error
 */
export function openCertificate(file: Buffer, password: string): CertificateFacts {
  try {
    const { certificates, keys } = readPkcs12(file, password);
    const [keyBytes, ...otherKeys] = keys;
    if (!keyBytes) throw new Pkcs12Error('must hold a private key');
    if (otherKeys.length > 0) throw new Pkcs12Error('must hold one private key only');
    if (certificates.length === 0) throw new Pkcs12Error('must hold a certificate');
    const key = createPrivateKey({ key: keyBytes, format: 'der', type: 'pkcs8' });
    const keyType = keyTypeOf(key);
    const certificate = certificates.map((der) => new X509Certificate(der)).find((one) => one.checkPrivateKey(key));
    if (!certificate) throw new Pkcs12Error('must hold the certificate of its private key');
    return factsOf(certificate, keyType);
  } catch (error) {
    // Those of node:crypto may quote what they could not read.
    throw error instanceof Pkcs12Error ? error : new Pkcs12Error(DAMAGED);
  }
}

function keyTypeOf({ asymmetricKeyType }: KeyObject): CertificateFacts['keyType'] {
  if (asymmetricKeyType === 'rsa') return 'RSA';
  if (asymmetricKeyType === 'ec') return 'EC';
  throw new Pkcs12Error('must hold an RSA or EC key');
}

function factsOf(certificate: X509Certificate, keyType: CertificateFacts['keyType']): CertificateFacts {
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
