import { crc32, createDeflateRaw } from 'node:zlib';
import { Readable } from 'node:stream';
import type { Content } from './content.js';

/*
 * A streamed ZIP (APPNOTE 6.3.10) whose exact size is known before the first byte when nothing is compressed. Checksums come in
 * data descriptors behind each file, ZIP64 records only where a number does not fit 32 bits.
 */

export interface ZipEntry {
  /** With `/` between its parts; one that ends in `/` is a folder. */
  readonly path: string;
  readonly modifiedAt: Date;
  /** Absent for a folder. */
  readonly content?: Content;
}

export interface ZipArchive {
  /** Bytes of the whole archive; undefined when compressed. */
  readonly size: number | undefined;
  read(): AsyncIterable<Buffer>;
}

interface Written {
  readonly header: EntryHeader;
  readonly crc: number;
  readonly size: number;
  readonly compressedSize: number;
  readonly offset: number;
}

interface EntryHeader {
  readonly name: Buffer;
  readonly time: number;
  readonly date: number;
  readonly isFolder: boolean;
  readonly isZip64: boolean;
  readonly method: number;
}

const max32 = 0xffffffff;
const max16 = 0xffff;
/** Bit 11: names are UTF-8; bit 3: sizes and checksum follow the data. */
const utf8Names = 0x0800;
const descriptorFollows = 0x0008;

export function zipArchive(entries: readonly ZipEntry[], { compressed = false } = {}): ZipArchive {
  const headers = entries.map((entry) => headerOf(entry, compressed));
  return {
    size: compressed ? undefined : storedSize(entries, headers),
    read: () => writeArchive(entries, headers),
  };
}

function headerOf({ path, modifiedAt, content }: ZipEntry, compressed: boolean): EntryHeader {
  const at = modifiedAt.getUTCFullYear() < 1980 ? new Date(Date.UTC(1980, 0, 1)) : modifiedAt;
  return {
    name: Buffer.from(path, 'utf8'),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    isFolder: content === undefined,
    // Deflate may add a little to what cannot be compressed, hence the margin.
    isZip64: content !== undefined && content.size >= max32 - (compressed ? 1024 * 1024 : 0),
    method: compressed && content !== undefined ? 8 : 0,
  };
}

async function* writeArchive(entries: readonly ZipEntry[], headers: readonly EntryHeader[]): AsyncIterable<Buffer> {
  const written: Written[] = [];
  let offset = 0;
  for (const [index, header] of headers.entries()) {
    const content = entries[index]?.content;
    const local = localHeader(header);
    yield local;
    let crc = 0;
    let size = 0;
    let compressedSize = 0;
    const checked = async function* (source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
      for await (const piece of source) {
        crc = crc32(piece, crc);
        size += piece.length;
        yield piece;
      }
    };
    if (content !== undefined) {
      const plain = checked(content.read());
      for await (const piece of header.method === 0 ? plain : deflated(plain)) {
        compressedSize += piece.length;
        yield piece;
      }
      if (size !== content.size) throw new Error(`${entries[index]?.path} changed its size while it was read`);
    }
    written.push({ header, crc, size, compressedSize, offset });
    const descriptor = header.isFolder ? Buffer.alloc(0) : dataDescriptor(header, crc, compressedSize, size);
    yield descriptor;
    offset += local.length + compressedSize + descriptor.length;
  }
  const directoryOffset = offset;
  let directorySize = 0;
  for (const entry of written) {
    const record = directoryRecord(entry);
    directorySize += record.length;
    yield record;
  }
  yield endOfDirectory(written.length, directorySize, directoryOffset);
}

function deflated(pieces: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  return Readable.from(pieces).compose(createDeflateRaw()) as AsyncIterable<Buffer>;
}

function storedSize(entries: readonly ZipEntry[], headers: readonly EntryHeader[]): number {
  let offset = 0;
  let directorySize = 0;
  for (const [index, header] of headers.entries()) {
    const size = entries[index]?.content?.size ?? 0;
    const record = { header, crc: 0, size, compressedSize: size, offset };
    directorySize += directoryRecord(record).length;
    offset += localHeader(header).length + size + (header.isFolder ? 0 : dataDescriptor(header, 0, 0, 0).length);
  }
  return offset + directorySize + endOfDirectory(headers.length, directorySize, offset).length;
}

function flagsOf(header: EntryHeader): number {
  return utf8Names | (header.isFolder ? 0 : descriptorFollows);
}

function versionNeeded(isZip64: boolean): number {
  return isZip64 ? 45 : 20;
}

function localHeader(header: EntryHeader): Buffer {
  const fixed = Buffer.alloc(30);
  fixed.writeUInt32LE(0x04034b50, 0);
  fixed.writeUInt16LE(versionNeeded(header.isZip64), 4);
  fixed.writeUInt16LE(flagsOf(header), 6);
  fixed.writeUInt16LE(header.method, 8);
  fixed.writeUInt16LE(header.time, 10);
  fixed.writeUInt16LE(header.date, 12);
  fixed.writeUInt16LE(header.name.length, 26);
  if (!header.isZip64) return Buffer.concat([fixed, header.name]);
  // The presence of the extra field tells a reader that the descriptor holds 64-bit sizes (APPNOTE 4.3.9.2).
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(16, 2);
  fixed.writeUInt32LE(max32, 18);
  fixed.writeUInt32LE(max32, 22);
  fixed.writeUInt16LE(extra.length, 28);
  return Buffer.concat([fixed, header.name, extra]);
}

function dataDescriptor({ isZip64 }: EntryHeader, crc: number, compressedSize: number, size: number): Buffer {
  const descriptor = Buffer.alloc(isZip64 ? 24 : 16);
  descriptor.writeUInt32LE(0x08074b50, 0);
  descriptor.writeUInt32LE(crc, 4);
  if (isZip64) {
    descriptor.writeBigUInt64LE(BigInt(compressedSize), 8);
    descriptor.writeBigUInt64LE(BigInt(size), 16);
  } else {
    descriptor.writeUInt32LE(compressedSize, 8);
    descriptor.writeUInt32LE(size, 12);
  }
  return descriptor;
}

function directoryRecord({ header, crc, size, compressedSize, offset }: Written): Buffer {
  const large = [...(header.isZip64 ? [size, compressedSize] : []), ...(offset >= max32 ? [offset] : [])];
  const extra = Buffer.alloc(large.length > 0 ? 4 + 8 * large.length : 0);
  if (large.length > 0) {
    extra.writeUInt16LE(0x0001, 0);
    extra.writeUInt16LE(8 * large.length, 2);
    large.forEach((value, i) => extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i));
  }
  const fixed = Buffer.alloc(46);
  fixed.writeUInt32LE(0x02014b50, 0);
  fixed.writeUInt16LE((3 << 8) | versionNeeded(large.length > 0), 4); // made on a Unix-like system
  fixed.writeUInt16LE(versionNeeded(large.length > 0), 6);
  fixed.writeUInt16LE(flagsOf(header), 8);
  fixed.writeUInt16LE(header.method, 10);
  fixed.writeUInt16LE(header.time, 12);
  fixed.writeUInt16LE(header.date, 14);
  fixed.writeUInt32LE(crc, 16);
  fixed.writeUInt32LE(header.isZip64 ? max32 : compressedSize, 20);
  fixed.writeUInt32LE(header.isZip64 ? max32 : size, 24);
  fixed.writeUInt16LE(header.name.length, 28);
  fixed.writeUInt16LE(extra.length, 30);
  fixed.writeUInt32LE(((header.isFolder ? 0o40755 : 0o100644) << 16) >>> 0, 38);
  fixed.writeUInt32LE(Math.min(offset, max32), 42);
  return Buffer.concat([fixed, header.name, extra]);
}

function endOfDirectory(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, max16), 8);
  end.writeUInt16LE(Math.min(count, max16), 10);
  end.writeUInt32LE(Math.min(size, max32), 12);
  end.writeUInt32LE(Math.min(offset, max32), 16);
  if (count < max16 && size < max32 && offset < max32) return end;

  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE((3 << 8) | 45, 12);
  end64.writeUInt16LE(45, 14);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(size), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end64, locator, end]);
}
