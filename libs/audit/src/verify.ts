import type { Clock } from '@app/clock';
import type { Database } from '@app/store';

import type { ChainHead } from './chain.js';
import { ChainCheck, type ChainFault } from './chain-check.js';
import { readRows } from './chain-reader.js';

export interface VerifyOptions {
  readonly clock: Clock;
  /** Heads that were exported before; see `headsOf`. */
  readonly heads?: AsyncIterable<ChainHead> | Iterable<ChainHead>;
}

export interface Verification {
  readonly writers: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly headsCompared: number;
  /** The first of each broken chain; empty when the trail is whole. */
  readonly faults: readonly ChainFault[];
}

/**
 * Recomputes every chain. Memory is bounded but for the heads. Without heads nothing tells a chain that was cut short, or
 * written anew from some row on, from one that is whole.
 * @throws StoreUnavailableError
 */
export async function verify(database: Database, { clock, heads = [] }: VerifyOptions): Promise<Verification> {
  const exported = new Map<string, Map<number, string>>();
  const faults: ChainFault[] = [];
  let headsCompared = 0;
  for await (const { writer, seq, hash } of heads) {
    const known = exported.get(writer) ?? new Map<number, string>();
    exported.set(writer, known);
    headsCompared++;
    // Heads that contradict each other cannot both be right.
    known.set(seq, (known.get(seq) ?? hash) === hash ? hash : 'contradicted');
  }

  const startedAt = clock.now();
  let rows = 0;
  let current: { writer: string; check: ChainCheck } | undefined;
  let writers = 0;
  const finish = () => {
    const fault = current?.check.result();
    if (fault !== undefined) faults.push(fault);
  };
  for await (const page of readRows(database)) {
    rows += page.length;
    for (const row of page) {
      if (current?.writer !== row.writer) {
        finish();
        writers++;
        current = { writer: row.writer, check: new ChainCheck(row.writer, exported.get(row.writer)) };
        exported.delete(row.writer);
      }
      current.check.add(row);
    }
  }
  finish();
  // Chains of which nothing at all is left.
  for (const [writer, known] of exported) {
    const fault = new ChainCheck(writer, known).result();
    if (fault !== undefined) faults.push(fault);
  }
  const rowsPerSecond = Math.round((rows * 1_000) / Math.max(1, clock.now() - startedAt));
  return { writers, rows, rowsPerSecond, headsCompared, faults };
}
