import type { Clock } from '@app/clock';
import { DomainError, UpstreamBrokenError } from '@app/problems';
import type { Readable } from 'node:stream';
import { AnswerTooLongError, causeOf, timedOut } from '../failures.js';
import { IdleWatch } from './idle-watch.js';
import { TopLevelNumbers } from './top-level-numbers.js';

export interface ReadLimits {
  readonly clock: Clock;
  readonly idleBodyMs: number;
  readonly maxBytes: number;
}

/**
 * Reads a whole body as UTF-8; the stream is destroyed on every other way out.
 *
 * @throws UpstreamBrokenError when it is cut or longer than `maxBytes`, UpstreamTimeoutError when it falls silent
 */
export async function readText(stream: Readable, limits: ReadLimits): Promise<string> {
  const chunks: Buffer[] = [];
  await readAll(stream, limits, (chunk) => {
    chunks.push(chunk);
  });
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * As `readText`, for JSON of which the numbers are worth more than the rest: beyond `mostKeptBytes` it becomes an object of those alone.
 *
 * @throws AnswerTooLongError besides, when it is that long and not one JSON object
 */
export async function readTextOrNumbers(
  stream: Readable,
  { mostKeptBytes, ...limits }: ReadLimits & { readonly mostKeptBytes: number },
): Promise<{ readonly text: string; readonly isShortened: boolean }> {
  const numbers = new TopLevelNumbers();
  const chunks: Buffer[] = [];
  let bytes = 0;
  await readAll(stream, limits, (chunk) => {
    numbers.write(chunk);
    bytes += chunk.length;
    if (bytes > mostKeptBytes) chunks.length = 0;
    else chunks.push(chunk);
  });
  if (bytes <= mostKeptBytes) return { text: Buffer.concat(chunks).toString('utf8'), isShortened: false };
  const found = numbers.end();
  if (found === undefined) throw new AnswerTooLongError(mostKeptBytes);
  return { text: JSON.stringify(found), isShortened: true };
}

async function readAll(
  stream: Readable,
  { clock, idleBodyMs, maxBytes }: ReadLimits,
  take: (chunk: Buffer) => void,
): Promise<void> {
  const watch = new IdleWatch(clock, idleBodyMs, () => stream.destroy(timedOut('go on with its answer')));
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      watch.touch();
      bytes += chunk.length;
      if (bytes > maxBytes) throw new AnswerTooLongError(maxBytes);
      take(chunk);
    }
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new UpstreamBrokenError('The answer of the backup server was cut.', { cause: causeOf(error) });
  } finally {
    watch.stop();
  }
}
