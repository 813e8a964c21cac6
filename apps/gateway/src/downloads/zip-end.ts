/*
 * Sections of PKWARE's APPNOTE.TXT: 4.3.16 end of central directory record, 4.3.15 ZIP64 locator, 4.3.14 ZIP64 record.
 */
const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_SIZE = 20;
const ZIP64_END_SIGNATURE = 0x06064b50;
const ZIP64_END_SIZE = 56;
/** Signature and own length of the ZIP64 record, which its length field leaves out. */
const ZIP64_END_HEAD = 12;
/** The least that one entry takes in the central directory (4.3.12). */
const SMALLEST_ENTRY = 46;
const TAIL_SIZE = ZIP64_END_SIZE + LOCATOR_SIZE + END_SIZE + LONGEST_COMMENT;

interface CentralDirectory {
  readonly offset: number;
  readonly size: number;
  readonly entries: number;
}

/**
 * Tells whether the bytes seen end as a ZIP file ends: for a body that came without a length, where HTTP's own end could be
 * a server that gave up politely. It keeps the last 64 KiB and nothing else.
 *
 * The central directory must end exactly where the end record stands, counted from the first byte seen; that is why a cut
 * behind a ZIP that is stored inside the ZIP does not pass.
 */
export class ZipEndCheck {
  /** A ring; the byte at position p of the body is at p modulo its size. */
  private readonly ring = Buffer.allocUnsafe(TAIL_SIZE);
  private total = 0;

  push(chunk: Buffer): void {
    const kept = chunk.subarray(Math.max(0, chunk.length - TAIL_SIZE));
    const at = (this.total + chunk.length - kept.length) % TAIL_SIZE;
    const copied = kept.copy(this.ring, at);
    kept.copy(this.ring, 0, copied);
    this.total += chunk.length;
  }

  verdict(): 'whole' | 'cut' {
    const tail = this.tail();
    const first = Math.max(0, tail.length - END_SIZE - LONGEST_COMMENT);
    // Backwards; a signature inside the comment is one more candidate, not the end of the search.
    for (let at = tail.length - END_SIZE; at >= first; at--) {
      if (tail.readUInt32LE(at) === END_SIGNATURE && this.endsAt(tail, at)) return 'whole';
    }
    return 'cut';
  }

  private tail(): Buffer {
    if (this.total <= TAIL_SIZE) return this.ring.subarray(0, this.total);
    const oldest = this.total % TAIL_SIZE;
    return Buffer.concat([this.ring.subarray(oldest), this.ring.subarray(0, oldest)]);
  }

  private endsAt(tail: Buffer, at: number): boolean {
    if (at + END_SIZE + tail.readUInt16LE(at + 20) !== tail.length) return false;
    const zip64 = this.zip64EndBefore(tail, at);
    if (zip64 !== undefined) {
      return this.reaches(readZip64End(tail, zip64), tail, zip64);
    }
    // A saturated field says that its value is in the ZIP64 record, which is not there: the sum below cannot come out.
    return this.reaches(readEnd(tail, at), tail, at);
  }

  /** Position of the ZIP64 record in the tail, if a locator before the end record points at one that fits between. */
  private zip64EndBefore(tail: Buffer, end: number): number | undefined {
    const locator = end - LOCATOR_SIZE;
    if (locator < ZIP64_END_SIZE || tail.readUInt32LE(locator) !== LOCATOR_SIGNATURE) return undefined;
    const record = Number(tail.readBigUInt64LE(locator + 8)) - (this.total - tail.length);
    if (record < 0 || record + ZIP64_END_SIZE > locator) return undefined;
    if (tail.readUInt32LE(record) !== ZIP64_END_SIGNATURE) return undefined;
    const length = Number(tail.readBigUInt64LE(record + 4));
    return record + ZIP64_END_HEAD + length === locator ? record : undefined;
  }

  private reaches(directory: CentralDirectory, tail: Buffer, recordAt: number): boolean {
    return (
      directory.offset + directory.size === this.total - tail.length + recordAt &&
      directory.entries * SMALLEST_ENTRY <= directory.size
    );
  }
}

function readEnd(tail: Buffer, at: number): CentralDirectory {
  return {
    entries: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
}

function readZip64End(tail: Buffer, at: number): CentralDirectory {
  return {
    entries: Number(tail.readBigUInt64LE(at + 32)),
    size: Number(tail.readBigUInt64LE(at + 40)),
    offset: Number(tail.readBigUInt64LE(at + 48)),
  };
}
