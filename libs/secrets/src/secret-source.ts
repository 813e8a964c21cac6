import { open } from 'node:fs/promises';
import { Secret } from './secret.js';

/**
 * What a secret is: `text` is taken as it is, without one trailing newline; `pfx` is a PKCS#12 container, DER or already
 * base64, and becomes base64 on one line; `webhook-key` is text of the form `whsec_` and the base64 of 24 to 64 bytes.
 */
export type SecretForm = 'text' | 'pfx' | 'webhook-key';

const LARGEST_BYTES: Record<SecretForm | 'nothing', number> = {
  text: 64 * 1024,
  pfx: 128 * 1024,
  'webhook-key': 1024,
  nothing: 0,
};

/** The tag of an ASN.1 SEQUENCE, which every PKCS#12 container begins with (RFC 7292, section 4). */
const DER_SEQUENCE = 0x30;

/**
 * A secret cannot be had. The message is a rule such as "cannot be read (ENOENT)": it holds neither the value nor the path,
 * since whoever mixes up `NAME` and `NAME_FILE` has put the secret where the path belongs.
 */
export class SecretSourceError extends Error {
  override readonly name = 'SecretSourceError';
}

/** A place a secret comes from. Consumers hold the source, not the secret, and ask for `current` whenever they need it. */
export class SecretSource {
  #current: Secret | undefined;
  /** What listeners were told last. */
  #told: Secret | undefined;
  readonly #listeners: ((secret: Secret) => void)[] = [];

  private constructor(
    /** Where the secret comes from: the path of a file or the name of a variable; never the value. */
    readonly description: string,
    private readonly form: SecretForm | 'nothing',
    private readonly readBytes: () => Promise<Buffer>,
    /** A file may hold another secret later on; a variable of the environment is what it was at the start. */
    readonly mayChange: boolean,
  ) {}

  /** @param path of a regular file (symbolic links are followed), at most 64 KiB (`pfx`: 128 KiB) */
  static file(path: string, form: SecretForm = 'text'): SecretSource {
    return new SecretSource(path, form, () => readBounded(path, LARGEST_BYTES[form]), true);
  }

  /** @param name of the environment variable that held `secret` */
  static value(name: string, secret: Secret, form: SecretForm = 'text'): SecretSource {
    return new SecretSource(name, form, () => Promise.resolve(Buffer.from(secret.expose(), 'utf8')), false);
  }

  /** In place of a secret where there is none on purpose: the empty text. */
  static nothing(description: string): SecretSource {
    return new SecretSource(description, 'nothing', () => Promise.resolve(Buffer.alloc(0)), false);
  }

  /** What was loaded or replaced last. */
  get current(): Secret {
    if (!this.#current) throw new SecretSourceError('has not been loaded');
    return this.#current;
  }

  /**
   * Reads the secret as it is now and leaves `current` alone.
   * @throws SecretSourceError
   */
  async read(): Promise<Secret> {
    const bytes = await this.readBytes();
    if (bytes.length > LARGEST_BYTES[this.form]) throw new SecretSourceError(tooLarge(LARGEST_BYTES[this.form]));
    const text = this.form === 'pfx' ? oneLineBase64(bytes) : decodeText(bytes);
    if (text === '' && this.form !== 'nothing') throw new SecretSourceError('must not be empty');
    if (this.form === 'webhook-key') requireWebhookKey(text);
    const secret = new Secret(text);
    if (!this.#told?.equals(secret)) this.#tell(secret);
    return secret;
  }

  /**
   * Reads the secret and makes it `current`; when that fails, `current` stays.
   * @throws SecretSourceError
   */
  async load(): Promise<void> {
    this.replace(await this.read());
  }

  /** Makes a secret `current` that `read` gave. */
  replace(secret: Secret): void {
    this.#current = secret;
  }

  /** @param listener called with each other secret that is read, before anybody gets it: whether it is ever used or not, it is one */
  onRead(listener: (secret: Secret) => void): void {
    this.#listeners.push(listener);
  }

  #tell(secret: Secret): void {
    this.#told = secret;
    for (const listener of this.#listeners) listener(secret);
  }
}

async function readBounded(path: string, limit: number): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      // A FIFO or a device could block or never end.
      if (!(await file.stat()).isFile()) throw new SecretSourceError('must name a regular file');
      const buffer = Buffer.alloc(limit + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < buffer.length; length += read) {
        read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
      }
      if (length > limit) throw new SecretSourceError(tooLarge(limit));
      return buffer.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof SecretSourceError) throw error;
    // The error of node:fs holds the path, so only its code goes on.
    const { code } = error as NodeJS.ErrnoException;
    throw new SecretSourceError(`cannot be read (${code ?? 'unknown reason'})`);
  }
}

function tooLarge(limit: number): string {
  return `must not be larger than ${limit / 1024} KiB`;
}

function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw new SecretSourceError('must be UTF-8 text');
  }
}

/** As Standard Webhooks writes keys, so that the receiver's library takes the very same text. */
function requireWebhookKey(text: string): void {
  const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/.exec(text) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded || bytes.length < 24 || bytes.length > 64) {
    throw new SecretSourceError('must be whsec_ and the base64 of 24 to 64 random bytes');
  }
}

function oneLineBase64(bytes: Buffer): string {
  if (bytes.length === 0) return '';
  const der = bytes[0] === DER_SEQUENCE ? bytes : decodeBase64(bytes);
  if (der[0] !== DER_SEQUENCE) throw new SecretSourceError('must be a PKCS#12 (PFX) file or the base64 of one');
  return der.toString('base64');
}

function decodeBase64(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/\s/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
}
