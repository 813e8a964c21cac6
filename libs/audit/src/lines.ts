import { createReadStream } from 'node:fs';

/**
 * The lines of a file, in UTF-8, without their line feed. Only a line feed ends a line: JSON may hold other characters that some
 * readers take for the end of one.
 * @param onChunk sees all bytes in order
 */
export async function* linesOf(path: string, onChunk: (chunk: Buffer) => void = ignore): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    onChunk(chunk);
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      yield Buffer.concat([...pieces, chunk.subarray(from, end)]).toString('utf8');
      pieces = [];
      from = end + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  if (pieces.length > 0) yield Buffer.concat(pieces).toString('utf8');
}

const LINE_FEED = 0x0a;

function ignore(): void {
  // Nobody wants to see the bytes.
}
