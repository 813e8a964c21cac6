import type { ChainHead } from './chain.js';

/** A line that names a head which cannot be read; `line` counts from 1. */
export class UnreadableHeadError extends Error {
  constructor(readonly line: number) {
    super(`Line ${line} names an audit head that cannot be read.`);
  }
}

/**
 * The heads in NDJSON lines, such as the service's log or an export: objects with a member `head`. Other lines are passed
 * over.
 * @throws UnreadableHeadError
 */
export async function* headsOf(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<ChainHead> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (!line.includes('"head"')) continue;
    const value = parsed(line);
    if (typeof value !== 'object' || value === null || !('head' in value)) continue;
    if (!isHead(value.head)) throw new UnreadableHeadError(number);
    yield value.head;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isHead(value: unknown): value is ChainHead {
  if (typeof value !== 'object' || value === null) return false;
  const { writer, seq, hash } = value as Record<string, unknown>;
  return (
    typeof writer === 'string' &&
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(writer) &&
    Number.isSafeInteger(seq) &&
    Number(seq) > 0 &&
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/.test(hash)
  );
}
