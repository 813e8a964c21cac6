import type { ChainHead } from './chain.js';

/** A line that names a head which cannot be read; `line` counts from 1. */
export class UnreadableHeadError extends Error {
  constructor(readonly line: number) {
    super(`Line ${line} names an audit head that cannot be read.`);
  }
}

/** Heads that were exported, by chain. They are all in memory. */
export class ExportedHeads {
  private readonly byWriter = new Map<string, Map<number, string>>();
  private read = 0;

  /** Those that are given, or the same if they were collected before. */
  static async of(heads: ExportedHeads | AsyncIterable<ChainHead> | Iterable<ChainHead>): Promise<ExportedHeads> {
    if (heads instanceof ExportedHeads) return heads;
    const collected = new ExportedHeads();
    for await (const head of heads) collected.add(head);
    return collected;
  }

  /** How many were read, repeated ones as well. */
  get count(): number {
    return this.read;
  }

  writers(): Iterable<string> {
    return this.byWriter.keys();
  }

  /** Hashes of a chain by `seq`, to the place that is given, with whatever else claims to be a head of it. */
  of(writer: string, to = Infinity, also: readonly ChainHead[] = []): ReadonlyMap<number, string> {
    const own = new Map([...(this.byWriter.get(writer) ?? [])].filter(([seq]) => seq <= to));
    for (const head of also) note(own, head);
    return own;
  }

  private add(head: ChainHead): void {
    const known = this.byWriter.get(head.writer) ?? new Map<number, string>();
    this.byWriter.set(head.writer, known);
    note(known, head);
    this.read++;
  }
}

/** Heads that contradict each other cannot both be right. */
function note(hashes: Map<number, string>, { seq, hash }: ChainHead): void {
  hashes.set(seq, (hashes.get(seq) ?? hash) === hash ? hash : 'contradicted');
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
