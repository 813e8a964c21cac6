import forge from 'node-forge';
import { X509Certificate } from 'node:crypto';
import type { DeviceCodes } from './device-codes.js';
import { badRequest } from './sandbox-error.js';

/** How a restore or copy logs in at Microsoft 365. */
export type RestoreCredentials =
  | { readonly kind: 'user'; readonly userName: string; readonly userPassword: string }
  | {
      readonly kind: 'application';
      readonly applicationId: string;
      readonly applicationCertificate: string;
      readonly applicationCertificatePassword: string;
    }
  | { readonly kind: 'device-code'; readonly userCode: string };

/** The side that restores log in to: the accounts and applications that really exist in the organizations. */
export class Microsoft365 {
  private readonly passwords = new Map<string, Set<string>>();
  /** SHA-256 thumbprints by application id. */
  private readonly applications = new Map<string, Set<string>>();

  constructor(readonly deviceCodes: DeviceCodes) {}

  acceptPassword(userName: string, password: string): void {
    const known = this.passwords.get(userName.toLowerCase()) ?? new Set();
    this.passwords.set(userName.toLowerCase(), known.add(password));
  }

  refusePassword(userName: string, password: string): void {
    this.passwords.get(userName.toLowerCase())?.delete(password);
  }

  forget(): void {
    this.passwords.clear();
    this.applications.clear();
  }

  /** @param certificate PEM or DER. */
  acceptCertificate(applicationId: string, certificate: string | Buffer): void {
    const known = this.applications.get(applicationId.toLowerCase()) ?? new Set();
    this.applications.set(applicationId.toLowerCase(), known.add(new X509Certificate(certificate).fingerprint256));
  }

  /** Throws the refusal; a device code is used up by asking. */
  check(credentials: RestoreCredentials, sessionId: string): void {
    switch (credentials.kind) {
      case 'user':
        this.checkUser(credentials.userName, credentials.userPassword);
        break;
      case 'application':
        this.checkApplication(credentials);
        break;
      case 'device-code':
        this.deviceCodes.use(credentials.userCode, sessionId);
        break;
    }
  }

  private checkUser(userName: string, password: string): void {
    if (this.passwords.get(userName.toLowerCase())?.has(password) !== true) {
      throw badRequest('AADSTS50126: Error validating credentials due to invalid username or password.');
    }
  }

  private checkApplication(credentials: RestoreCredentials & { kind: 'application' }): void {
    const { applicationId, applicationCertificate, applicationCertificatePassword } = credentials;
    const thumbprint = openPfx(decodeBase64(applicationCertificate), applicationCertificatePassword);
    const known = this.applications.get(applicationId.toLowerCase());
    if (!known) {
      throw badRequest(`AADSTS700016: Application with identifier '${applicationId}' was not found in the directory.`);
    }
    if (!known.has(thumbprint)) {
      throw badRequest('AADSTS700027: The certificate used to sign the client assertion is not registered.');
    }
  }
}

/** As strict as .NET, with its texts: white space is skipped, everything else must be right. */
export function decodeBase64(text: string): Buffer {
  const packed = text.replace(/[ \t\r\n]/g, '');
  if (packed.length % 4 !== 0) throw badRequest('Invalid length for a Base-64 char array or string.');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) {
    throw badRequest(
      'The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, ' +
        'or an illegal character among the padding characters.',
    );
  }
  return Buffer.from(packed, 'base64');
}

/** Opens a PFX with its password, modern or legacy encryption, and gives the thumbprint of the certificate of its private key. */
export function openPfx(pfx: Buffer, password: string): string {
  let container: forge.pkcs12.Pkcs12Pfx;
  try {
    const asn1 = forge.asn1.fromDer(forge.util.createBuffer(pfx.toString('binary')));
    container = forge.pkcs12.pkcs12FromAsn1(asn1, false, password);
  } catch (error) {
    const isPassword = error instanceof Error && /password|MAC/i.test(error.message);
    throw badRequest(
      isPassword ? 'The specified network password is not correct.' : 'Cannot find the requested object.',
    );
  }
  const bagsOf = (type: string | undefined): forge.pkcs12.Bag[] =>
    type === undefined ? [] : (container.getBags({ bagType: type })[type] ?? []);
  const { certBag, keyBag, pkcs8ShroudedKeyBag } = forge.pki.oids;
  const key = [...bagsOf(pkcs8ShroudedKeyBag), ...bagsOf(keyBag)][0];
  const certificates = bagsOf(certBag);
  if (!key || certificates.length === 0) throw badRequest('The certificate has no private key.');
  const keyId = localKeyIdOf(key);
  const own = certificates.find((bag) => keyId !== undefined && localKeyIdOf(bag) === keyId) ?? certificates[0];
  // forge cannot read certificates of EC keys and leaves them as plain ASN.1.
  const asn1 = own?.cert ? forge.pki.certificateToAsn1(own.cert) : own?.asn1;
  if (!asn1) throw badRequest('The certificate has no private key.');
  return new X509Certificate(Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary')).fingerprint256;
}

function localKeyIdOf(bag: forge.pkcs12.Bag): string | undefined {
  const attributes = bag.attributes as { localKeyId?: string[] } | undefined;
  return attributes?.localKeyId?.[0];
}
