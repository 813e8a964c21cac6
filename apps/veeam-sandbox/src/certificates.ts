import forge from 'node-forge';
import { generateKeyPair, randomBytes, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';

export interface KeyAndCertificate {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
}

const generate = promisify(generateKeyPair);
const day = 24 * 60 * 60 * 1000;
/** Whoever checks the application's certificate may go by a clock that stands in the past. */
const LONG_AGO = new Date(Date.UTC(2020));

/** A self-signed certificate for this machine's loopback names, its own trust anchor, as VB365 makes one at install. */
export function makeServerCertificate(): Promise<KeyAndCertificate> {
  return selfSigned('localhost', [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, keyCertSign: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
        { type: 7, ip: '::1' },
      ],
    },
    { name: 'subjectKeyIdentifier' },
  ]);
}

/** The certificate of the application that restores log in with. */
export function makeApplicationCertificate(): Promise<KeyAndCertificate> {
  return selfSigned(
    'restore-application',
    [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
    ],
    LONG_AGO,
  );
}

/** Packs a key and its certificate into a PFX (3DES, which every tool opens). */
export function toPfx({ key, certificate }: KeyAndCertificate, password: string): Buffer {
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(key),
    forge.pki.certificateFromPem(certificate),
    password,
    { algorithm: '3des', friendlyName: 'restore-application' },
  );
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary');
}

/** SHA-256 of the certificate, lower-case hex. */
export function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
}

/** False when it ends within a week. */
export function isFresh(certificate: string): boolean {
  return Date.parse(new X509Certificate(certificate).validTo) > Date.now() + 7 * day;
}

async function selfSigned(
  commonName: string,
  extensions: object[],
  notBefore = new Date(Date.now() - day),
): Promise<KeyAndCertificate> {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const signer = forge.pki.privateKeyFromPem(key);
  const made = forge.pki.createCertificate();
  made.publicKey = forge.pki.setRsaPublicKey(signer.n, signer.e);
  made.serialNumber = `01${randomBytes(15).toString('hex')}`;
  made.validity.notBefore = notBefore;
  made.validity.notAfter = new Date(Date.now() + 730 * day);
  const name = [{ name: 'commonName', value: commonName }];
  made.setSubject(name);
  made.setIssuer(name);
  made.setExtensions(extensions);
  made.sign(signer, forge.md.sha256.create());
  return { key, certificate: forge.pki.certificateToPem(made) };
}
