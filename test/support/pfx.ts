import { makeApplicationCertificate, toPfx } from '../../apps/veeam-sandbox/src/certificates.js';

export interface Pfx {
  /** DER. */
  readonly file: Buffer;
  readonly password: string;
  /** PEM. */
  readonly certificate: string;
}

/** A fresh key with its certificate, as a PKCS#12 file. */
export async function makePfx(password: string): Promise<Pfx> {
  const made = await makeApplicationCertificate();
  return { file: toPfx(made, password), password, certificate: made.certificate };
}
