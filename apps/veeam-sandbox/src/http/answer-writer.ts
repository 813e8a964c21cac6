import { createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import type { RequestFaults } from '../control/faults.js';
import type { SaveInProgress } from '../control/saves.js';
import type { Answer } from './api-version.js';

interface Writing {
  readonly faults: RequestFaults;
  /** Whether downloads of known size say so. */
  readonly declareLength: boolean;
  readonly beginSave: (contentLength: number | undefined) => SaveInProgress;
}

interface Body {
  readonly type: string | undefined;
  readonly size: number | undefined;
  read(): AsyncIterable<Buffer>;
}

/** Sends an answer, spoiled as the faults say. */
export async function writeAnswer(response: ServerResponse, answer: Answer, writing: Writing): Promise<void> {
  const { faults } = writing;
  const isDownload = answer.kind === 'download';
  const body = bodyOf(answer);
  const cut = faults.get('cut');
  const wrongLength = faults.get('wrong-length');
  const isEncoded = faults.get('gzip') !== undefined;

  const isChunked = isEncoded || cut?.chunked === true || (isDownload && !writing.declareLength);
  const size = isChunked || body.size === undefined ? undefined : body.size + (wrongLength?.difference ?? 0);
  const status = isDownload ? 200 : answer.status;
  const hasBody = status !== 204 && status !== 304;
  if (hasBody && body.type !== undefined) response.setHeader('content-type', body.type);
  if (hasBody && isEncoded) response.setHeader('content-encoding', 'gzip');
  if (hasBody && size !== undefined) response.setHeader('content-length', Math.max(0, size));
  response.writeHead(status);
  if (!hasBody) {
    response.end();
    return;
  }

  const save = isDownload ? writing.beginSave(size) : undefined;
  const { socket } = response; // finishing takes it away from the response
  response.flushHeaders();
  try {
    const pieces = isEncoded ? gzipped(body.read()) : body.read();
    const isCut = await writePieces(response, pieces, save, cut?.afterBytes);
    if (isCut) {
      save?.end('cut');
      await sentSoFar(response);
      response.destroy();
    } else {
      const isWhole = await finished(response);
      save?.end(isWhole ? 'finished' : 'aborted');
      if ((wrongLength?.difference ?? 0) > 0) socket?.end();
    }
  } catch (error) {
    save?.end('failed');
    throw error;
  }
}

/** False when the other side left before all was with the operating system. */
async function finished(response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return false;
  return new Promise((resolve) => {
    response.once('close', () => {
      resolve(response.writableFinished);
    });
    response.end(() => {
      resolve(true);
    });
  });
}

/** True when it stopped at the cut. Stops quietly when the other side leaves. */
async function writePieces(
  response: ServerResponse,
  pieces: AsyncIterable<Buffer>,
  save: SaveInProgress | undefined,
  cutAfter = Infinity,
): Promise<boolean> {
  let sent = 0;
  for await (const whole of pieces) {
    if (response.destroyed) return false;
    const piece = whole.length > cutAfter - sent ? whole.subarray(0, cutAfter - sent) : whole;
    sent += piece.length;
    if (piece.length > 0) {
      const flushed = (error?: Error | null): void => {
        if (!error && save) save.bytesWritten += piece.length;
      };
      if (sent >= cutAfter) await flush(response, piece, flushed);
      else if (!response.write(piece, flushed)) await drained(response);
    }
    if (sent >= cutAfter) return true;
  }
  return cutAfter !== Infinity && sent >= cutAfter;
}

/** Resolves when what was written, the headers too, is with the operating system. */
async function sentSoFar({ socket }: ServerResponse): Promise<void> {
  if (socket) await new Promise((resolve) => socket.write('', resolve));
}

/** Resolves once the piece is with the operating system, or the other side left. */
async function flush(response: ServerResponse, piece: Buffer, flushed: (error?: Error | null) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.write(piece, (error) => {
      flushed(error);
      resolve();
    });
  });
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

function gzipped(pieces: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  return Readable.from(pieces).compose(createGzip()) as AsyncIterable<Buffer>;
}

export function contentTypeOf({ kind }: Answer): string | undefined {
  if (kind === 'download') return 'application/octet-stream';
  return kind === 'empty' ? undefined : 'application/json; charset=utf-8';
}

function bodyOf(answer: Answer): Body {
  const type = contentTypeOf(answer);
  if (answer.kind === 'download') {
    const { download } = answer;
    return { type, size: download.size, read: () => download.read() };
  }
  const text =
    answer.kind === 'empty' ? '' : typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  const bytes = Buffer.from(text, 'utf8');
  return {
    type,
    size: bytes.length,
    async *read() {
      await Promise.resolve();
      if (bytes.length > 0) yield bytes;
    },
  };
}
