import { createHash, pbkdf2Sync } from 'node:crypto';

import { Pkcs12Error } from './pkcs12-error.js';

/** Rounds of key derivation that one file may ask for in all. OpenSSL and Windows write about 2,000 for each key. */
export const MOST_ROUNDS = 1_000_000;

/** Octets that a hash function takes at a time. */
const HASH_BLOCK: Readonly<Record<string, number>> = { sha1: 64, sha224: 64, sha256: 64, sha384: 128, sha512: 128 };

/** What may be asked for, whichever way the password is written. */
class Rounds {
  private left = MOST_ROUNDS;

  spend(rounds: number): void {
    if (rounds < 1) throw new Pkcs12Error('must derive its keys in at least one round');
    if (rounds > this.left) throw new Pkcs12Error(`must not need more than ${MOST_ROUNDS} rounds of key derivation`);
    this.left -= rounds;
  }
}

/** Derives the keys of one file from its password, and says no to more work than that is worth before it is done. */
export class KeyDerivation {
  private hasDerived = false;

  private constructor(
    private readonly password: string,
    /** As PKCS#12's own derivation takes it: UTF-16, big-endian. */
    private readonly wide: Buffer,
    private readonly rounds: Rounds,
  ) {}

  /**
   * One for each way in which files are written. A password ends with two octets of zero (RFC 7292, appendix B.1); of an empty one some
   * makers write these and others, who take it for none, nothing.
   */
  static of(password: string): KeyDerivation[] {
    const wide = Buffer.from(`${password}\0`, 'utf16le').swap16();
    const ways = password === '' ? [wide, Buffer.alloc(0)] : [wide];
    const rounds = new Rounds();
    return ways.map((way) => new KeyDerivation(password, way, rounds));
  }

  /** Whether the file asked for any key: one that is neither encrypted nor has a MAC opens with whatever password. */
  get isUsed(): boolean {
    return this.hasDerived;
  }

  /** PKCS#12's own (RFC 7292, appendix B). @param purpose 1: a key, 2: an initialization vector, 3: a key of the MAC */
  pkcs12(hash: string, purpose: 1 | 2 | 3, salt: Buffer, rounds: number, length: number): Buffer {
    const blockSize = HASH_BLOCK[hash] ?? 64;
    const diversifier = Buffer.alloc(blockSize, purpose);
    const input = Buffer.concat([repeated(salt, blockSize), repeated(this.wide, blockSize)]);
    const derived: Buffer[] = [];
    for (let left = length; left > 0; left -= derived.at(-1)?.length ?? length) {
      this.spend(rounds);
      let digest = createHash(hash).update(diversifier).update(input).digest();
      for (let round = 1; round < rounds; round++) digest = createHash(hash).update(digest).digest();
      derived.push(digest);
      addToEach(input, repeated(digest, blockSize).subarray(0, blockSize), blockSize);
    }
    return Buffer.concat(derived).subarray(0, length);
  }

  /** RFC 8018, section 5.2. */
  pbkdf2(hash: string, salt: Buffer, rounds: number, length: number): Buffer {
    this.spend(rounds);
    return pbkdf2Sync(Buffer.from(this.password, 'utf8'), salt, rounds, length, hash);
  }

  private spend(rounds: number): void {
    this.rounds.spend(rounds);
    this.hasDerived = true;
  }
}

/** To the next whole block, and nothing for nothing. */
function repeated(bytes: Buffer, blockSize: number): Buffer {
  return bytes.length === 0 ? bytes : Buffer.alloc(Math.ceil(bytes.length / blockSize) * blockSize, bytes);
}

/** Adds `addend` and one to every block, modulo its size. */
function addToEach(blocks: Buffer, addend: Buffer, blockSize: number): void {
  for (let start = 0; start < blocks.length; start += blockSize) {
    let carry = 1;
    for (let index = blockSize - 1; index >= 0; index--) {
      carry += (blocks[start + index] ?? 0) + (addend[index] ?? 0);
      blocks[start + index] = carry & 0xff;
      carry >>= 8;
    }
  }
}
