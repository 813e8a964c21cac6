import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';

/** The bytes of one version of a document. */
export interface Content {
  readonly size: number;
  read(): AsyncIterable<Buffer>;
}

const pieceSize = 256 * 1024;

export function fileContent(path: string, size: number): Content {
  return {
    size,
    async *read() {
      if (size === 0) return;
      // The size was promised in headers, so a file that grew meanwhile is read only that far.
      for await (const piece of createReadStream(path, { highWaterMark: pieceSize, end: size - 1 })) {
        yield piece as Buffer;
      }
    },
  };
}

export function textContent(text: string): Content {
  const bytes = Buffer.from(text, 'utf8');
  return {
    size: bytes.length,
    async *read() {
      await Promise.resolve();
      if (bytes.length > 0) yield bytes;
    },
  };
}

/** Twice the step of one piece, so that any window into it is a zero-copy slice. */
const noise = makeNoise(4 * pieceSize);

function makeNoise(length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 64 < length; i++) blocks.push(createHash('sha512').update(`noise ${i}`).digest());
  return Buffer.concat(blocks, length);
}

/**
 * Bytes made up while they are read: the same for the same seed, different from piece to piece (so that a lost or swapped
 * piece shows in the checksum), and as cheap as slicing a buffer.
 */
export function syntheticContent(seed: string, size: number): Content {
  const start = createHash('sha256').update(seed).digest().readUInt32LE(0);
  return {
    size,
    async *read() {
      for (let offset = 0, i = 0; offset < size; offset += pieceSize, i++) {
        // Let sockets and timers have their turn between the pieces.
        if (i % 16 === 15) await new Promise(setImmediate);
        const from = (start + i * 4099) % (noise.length - pieceSize);
        yield noise.subarray(from, from + Math.min(pieceSize, size - offset));
      }
    },
  };
}
