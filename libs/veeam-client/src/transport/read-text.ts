import type { Clock } from '@app/clock';
import { DomainError, UpstreamBrokenError } from '@app/problems';
import type { Readable } from 'node:stream';
import { AnswerTooLongError, causeOf, timedOut } from '../failures.js';
import { IdleWatch } from './idle-watch.js';

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
export async function readText(stream: Readable, { clock, idleBodyMs, maxBytes }: ReadLimits): Promise<string> {
  const watch = new IdleWatch(clock, idleBodyMs, () => stream.destroy(timedOut('go on with its answer')));
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      watch.touch();
      bytes += chunk.length;
      if (bytes > maxBytes) throw new AnswerTooLongError(maxBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new UpstreamBrokenError('The answer of the backup server was cut.', { cause: causeOf(error) });
  } finally {
    watch.stop();
  }
}
