/** A PKCS#12 file is not taken. The message is a rule, such as "must hold a private key", and holds nothing of the file. */
export class Pkcs12Error extends Error {
  override readonly name = 'Pkcs12Error';
}

export const DAMAGED = 'is cut off or damaged';
export const WRONG_PASSWORD = 'cannot be opened with its password';
/** A MAC that was right tells that the password is: such a file has parts of other passwords, or was made wrongly. */
export const OTHER_PASSWORDS = 'must have all its parts encrypted with its one password';
