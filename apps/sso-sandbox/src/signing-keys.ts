import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export type SigningAlgorithm = 'RS256' | 'ES256';

export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicJwk: JsonWebKey;
  readonly privateJwk: JsonWebKey;
}

const generate = promisify(generateKeyPair);

/** The keys the provider signs with, newest first: the first one of an algorithm signs, the others are only published. */
export class SigningKeys {
  private constructor(
    private keys: readonly SigningKey[],
    private readonly file: string | undefined,
  ) {}

  /** @param file keeps the keys across restarts (mode 0600); without it they live as long as the process. */
  static async load(file: string | undefined): Promise<SigningKeys> {
    const stored = file === undefined ? undefined : await readKeys(file);
    if (stored) return new SigningKeys(stored, file);
    const keys = new SigningKeys(await Promise.all([newKey('RS256'), newKey('ES256')]), file);
    await keys.save();
    return keys;
  }

  get all(): readonly SigningKey[] {
    return this.keys;
  }

  current(alg: SigningAlgorithm): SigningKey {
    const key = this.keys.find((candidate) => candidate.alg === alg);
    if (!key) throw new Error(`There is no ${alg} key.`);
    return key;
  }

  /** Puts a fresh key of each algorithm first. The old ones stay published unless `dropOld`. */
  async rotate({ dropOld = false } = {}): Promise<void> {
    const fresh = await Promise.all([newKey('RS256'), newKey('ES256')]);
    this.keys = dropOld ? fresh : [...fresh, ...this.keys];
    await this.save();
  }

  private async save(): Promise<void> {
    if (this.file === undefined) return;
    await mkdir(dirname(this.file), { recursive: true });
    const jwks = { keys: this.keys.map(({ privateJwk, kid, alg }) => ({ ...privateJwk, kid, alg })) };
    await writeFile(`${this.file}.new`, JSON.stringify(jwks, null, 2), { mode: 0o600 });
    await rename(`${this.file}.new`, this.file);
  }
}

async function newKey(alg: SigningAlgorithm): Promise<SigningKey> {
  const { privateKey } =
    alg === 'RS256' ? await generate('rsa', { modulusLength: 2048 }) : await generate('ec', { namedCurve: 'P-256' });
  return signingKey(alg, privateKey);
}

function signingKey(alg: SigningAlgorithm, privateKey: KeyObject): SigningKey {
  const publicKey = createPublicKey(privateKey);
  const publicJwk = publicKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(JSON.stringify(publicJwk)).digest('base64url').slice(0, 16);
  return { kid, alg, privateKey, publicKey, publicJwk, privateJwk: privateKey.export({ format: 'jwk' }) };
}

async function readKeys(file: string): Promise<SigningKey[] | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { keys } = JSON.parse(text) as { keys: (JsonWebKey & { alg: SigningAlgorithm })[] };
  return keys.map(({ alg, ...jwk }) => signingKey(alg, createPrivateKey({ key: jwk, format: 'jwk' })));
}
