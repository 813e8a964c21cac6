import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { ZipFile } from 'yazl';
import { ZipEndCheck } from './zip-end.js';

interface Entry {
  readonly name: string;
  readonly content: Buffer;
  readonly compress?: boolean;
}

function zip(entries: readonly Entry[], end: { forceZip64Format?: boolean; comment?: string } = {}): Promise<Buffer> {
  const file = new ZipFile();
  for (const { name, content, compress = true } of entries) file.addBuffer(content, name, { compress });
  file.end({ forceZip64Format: false, comment: '', ...end });
  return buffer(file.outputStream);
}

function verdictOf(bytes: Buffer, pieceSize = bytes.length || 1): 'whole' | 'cut' {
  const check = new ZipEndCheck();
  for (let at = 0; at < bytes.length; at += pieceSize) check.push(bytes.subarray(at, at + pieceSize));
  return check.verdict();
}

function cutsThatLookWhole(archive: Buffer): number[] {
  return [...archive.keys()].filter((length) => verdictOf(archive.subarray(0, length)) === 'whole');
}

describe('ZipEndCheck', () => {
  const some = [
    { name: 'a.txt', content: Buffer.from('hello') },
    { name: 'folder/b.txt', content: Buffer.alloc(500, 'b') },
  ];

  it.each([
    ['an archive', some, {}],
    ['an empty archive', [], {}],
    ['an archive with a comment', some, { comment: 'from the backup of January' }],
    ['an archive in ZIP64 format', some, { forceZip64Format: true }],
    ['an empty archive in ZIP64 format', [], { forceZip64Format: true }],
    ['an archive in ZIP64 format with a comment', some, { forceZip64Format: true, comment: 'x' }],
  ])('takes %s for whole, and cut at any byte for cut', async (_what, entries, end) => {
    const archive = await zip(entries, end);
    expect(verdictOf(archive)).toBe('whole');
    expect(cutsThatLookWhole(archive)).toEqual([]);
  });

  it('is not deceived by a comment that holds an end record', async () => {
    // 60 bytes, in which an empty archive ends; yazl itself refuses to write such a comment.
    const archive = await zip(some, { comment: 'c'.repeat(60) });
    (await zip([])).copy(archive, archive.length - 30);
    expect(verdictOf(archive)).toBe('whole');
    expect(cutsThatLookWhole(archive)).toEqual([]);
  });

  it('is not deceived by a whole ZIP inside the ZIP', async () => {
    const inner = await zip(some);
    const archive = await zip([{ name: 'inner.zip', content: inner, compress: false }, ...some]);
    expect(cutsThatLookWhole(archive)).toEqual([]);
  });

  it('finds the end behind the longest comment, when the archive came in small pieces', async () => {
    const comment = 'c'.repeat(0xffff);
    const content = Buffer.alloc(300_000, 1);
    const archive = await zip([{ name: 'big', content, compress: false }], { comment, forceZip64Format: true });
    expect(verdictOf(archive, 1000)).toBe('whole');
    expect(verdictOf(archive.subarray(0, -1), 1000)).toBe('cut');
  });

  it('says the same however the bytes were cut into pieces', async () => {
    const content = Buffer.alloc(150_000, 2);
    const archive = await zip([{ name: 'big', content, compress: false }], { forceZip64Format: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 0, max: 3 }), (pieceSize, missing) => {
        const bytes = archive.subarray(0, archive.length - missing);
        expect(verdictOf(bytes, pieceSize)).toBe(missing === 0 ? 'whole' : 'cut');
      }),
      { numRuns: 40 },
    );
  });

  it('counts offsets past four gigabytes', () => {
    const directory = Buffer.alloc(46);
    const before = 5 * 2 ** 30;
    const check = new ZipEndCheck();
    const piece = Buffer.alloc(2 ** 24);
    for (let seen = 0; seen < before; seen += piece.length) check.push(piece);
    check.push(directory);
    check.push(zip64End(before, directory.length));
    expect(check.verdict()).toBe('whole');
    check.push(Buffer.alloc(1));
    expect(check.verdict()).toBe('cut');
  });

  it.each([
    ['saturated fields without a ZIP64 record', (end: Buffer) => end.fill(0xff, 8, 20)],
    ['a directory that ends elsewhere', (end: Buffer) => end.writeUInt32LE(1, 16)],
    ['more entries than fit in the directory', (end: Buffer) => end.writeUInt16LE(1, 10)],
    ['a comment that is longer than what follows', (end: Buffer) => end.writeUInt16LE(1, 20)],
  ])('does not believe %s', async (_what, damage) => {
    const end = await zip([]);
    damage(end);
    expect(verdictOf(end)).toBe('cut');
  });

  it('takes no bytes at all, or anything that is no ZIP, for cut', () => {
    expect(verdictOf(Buffer.alloc(0))).toBe('cut');
    expect(verdictOf(Buffer.from('<html>The server is busy</html>'))).toBe('cut');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(verdictOf(Buffer.from(bytes))).toBe('cut');
      }),
    );
  });
});

/** ZIP64 record, locator and saturated end record of an archive with one entry. */
function zip64End(directoryOffset: number, directorySize: number): Buffer {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(1n, 24);
  record.writeBigUInt64LE(1n, 32);
  record.writeBigUInt64LE(BigInt(directorySize), 40);
  record.writeBigUInt64LE(BigInt(directoryOffset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(directoryOffset + directorySize), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22, 0xff);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(0, 4);
  end.writeUInt16LE(0, 20);
  return Buffer.concat([record, locator, end]);
}
