import type { Clock } from '@app/clock';
import { type Database, type Statements, within } from '@app/store';

import type { ChainHead } from './chain.js';
import { ChainCheck, type ChainFault } from './chain-check.js';
import { readRows } from './chain-reader.js';
import { ExportedHeads } from './exported-heads.js';
import { lockSeals, readSeals, sealFault, type Seals, startOf } from './seals.js';

export interface VerifyOptions {
  readonly clock: Clock;
  /** Heads that were exported before; see `headsOf`. */
  readonly heads?: ExportedHeads | AsyncIterable<ChainHead> | Iterable<ChainHead>;
}

export interface Verification {
  /** That have rows. */
  readonly writers: number;
  readonly rows: number;
  readonly seals: number;
  readonly rowsPerSecond: number;
  readonly headsCompared: number;
  /** The first of each broken chain; empty when the trail is whole. */
  readonly faults: readonly ChainFault[];
}

/**
 * Recomputes every chain, each from its newest seal on. Memory is bounded but for heads and seals. Without heads nothing tells a
 * chain that was cut short, or written anew from some row on, from one that is whole.
 * @throws StoreUnavailableError
 */
export async function verify(database: Database, { clock, heads = [] }: VerifyOptions): Promise<Verification> {
  const exported = await ExportedHeads.of(heads);
  const startedAt = clock.now();
  const checked = await database.transaction(async (orm) => {
    await lockSeals(orm, 'shared');
    return checkChains(within(orm), await readSeals(orm), exported);
  });
  const rowsPerSecond = Math.round((checked.rows * 1_000) / Math.max(1, clock.now() - startedAt));
  return { ...checked, rowsPerSecond, headsCompared: exported.count };
}

async function checkChains(statements: Statements, seals: Seals, exported: ExportedHeads) {
  const faults: ChainFault[] = [];
  const left = new Set([...exported.writers(), ...seals.keys()]);
  const begin = (writer: string) => {
    left.delete(writer);
    return { writer, check: new ChainCheck(startOf(writer, seals), exported.of(writer)) };
  };
  const finish = ({ writer, check }: ReturnType<typeof begin>) => {
    const fault = sealFault(writer, seals) ?? check.result();
    if (fault !== undefined) faults.push(fault);
  };

  let rows = 0;
  let writers = 0;
  let current: ReturnType<typeof begin> | undefined;
  for await (const page of readRows(statements)) {
    rows += page.length;
    for (const row of page) {
      if (current?.writer !== row.writer) {
        if (current !== undefined) finish(current);
        writers++;
        current = begin(row.writer);
      }
      current.check.add(row);
    }
  }
  if (current !== undefined) finish(current);
  // Chains of which no row is left.
  [...left].map(begin).forEach(finish);
  return { writers, rows, seals: [...seals.values()].flat().length, faults };
}
