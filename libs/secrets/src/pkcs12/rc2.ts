// prettier-ignore
const PI_TABLE = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82' +
  '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb6266fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7' +
  '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
  '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);

const BLOCK = 8;
/** Left rotations of the four words in a mixing round (RFC 2268, section 3). */
const ROTATIONS = [1, 2, 3, 5] as const;

/**
 * Decrypts RC2 in CBC mode (RFC 2268), which older Windows and OpenSSL encrypt the certificates of a PKCS#12 file with. OpenSSL 3
 * keeps it in a provider that Node.js does not load. Padding is left to the caller.
 *
 * @param key whose length in bits is its effective length as well
 * @param data whole blocks of 8 octets
 */
export function decryptRc2Cbc(key: Buffer, iv: Buffer, data: Buffer): Buffer {
  const words = expand(key);
  const plain = Buffer.alloc(data.length);
  let before = iv;
  for (let offset = 0; offset < data.length; offset += BLOCK) {
    const block = data.subarray(offset, offset + BLOCK);
    const decrypted = decryptBlock(words, block);
    for (let index = 0; index < BLOCK; index++) {
      plain[offset + index] = (decrypted[index] ?? 0) ^ (before[index] ?? 0);
    }
    before = block;
  }
  return plain;
}

/** Section 2. */
function expand(key: Buffer): Uint16Array {
  const bytes = new Uint8Array(128);
  bytes.set(key);
  const at = (index: number) => bytes[index] ?? 0;
  const pi = (index: number) => PI_TABLE[index & 0xff] ?? 0;
  for (let index = key.length; index < 128; index++) {
    bytes[index] = pi(at(index - 1) + at(index - key.length));
  }
  bytes[128 - key.length] = pi(at(128 - key.length));
  for (let index = 127 - key.length; index >= 0; index--) {
    bytes[index] = pi(at(index + 1) ^ at(index + key.length));
  }
  return Uint16Array.from({ length: 64 }, (_, index) => at(2 * index) | (at(2 * index + 1) << 8));
}

/** Section 4. */
function decryptBlock(words: Uint16Array, block: Buffer): Buffer {
  const r = Uint16Array.from({ length: 4 }, (_, index) => block.readUInt16LE(2 * index));
  const at = (index: number) => r[(index + 4) % 4] ?? 0;
  let next = 63;
  const mix = () => {
    for (let index = 3; index >= 0; index--) {
      const turns = ROTATIONS[index as 0 | 1 | 2 | 3];
      const turned = (at(index) >> turns) | (at(index) << (16 - turns));
      const others = (at(index - 1) & at(index - 2)) + (~at(index - 1) & at(index - 3));
      r[index] = turned - (words[next--] ?? 0) - others;
    }
  };
  const mash = () => {
    for (let index = 3; index >= 0; index--) r[index] = at(index) - (words[at(index - 1) & 63] ?? 0);
  };
  for (const [rounds, thenMash] of [
    [5, true],
    [6, true],
    [5, false],
  ] as const) {
    for (let round = 0; round < rounds; round++) mix();
    if (thenMash) mash();
  }
  const plain = Buffer.alloc(BLOCK);
  r.forEach((word, index) => plain.writeUInt16LE(word, 2 * index));
  return plain;
}
