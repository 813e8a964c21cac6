/** A PKCS#12 file is not taken. The message is a rule, such as "must hold a private key", and holds nothing of the file. */
export class Pkcs12Error extends Error {
  override readonly name = 'Pkcs12Error';
}

export const DAMAGED = 'is cut off or damaged';
