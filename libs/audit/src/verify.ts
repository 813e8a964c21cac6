import type { Clock } from '@app/clock';
import { type Database, type Statements, within } from '@app/store';

import type { AuditRow, ChainHead } from './chain.js';
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
  /** With heads: rows that lie behind all of their chain that were exported, of chains without a fault. */
  readonly uncovered: readonly UncoveredRows[];
  /** The first of each broken chain; empty when the trail is whole. */
  readonly faults: readonly ChainFault[];
}

/** What a chain has behind its last exported head: nobody outside the database can say that it is as it was written. */
export interface UncoveredRows {
  readonly writer: string;
  readonly from: { readonly seq: number; readonly time: Date };
  readonly to: { readonly seq: number; readonly time: Date };
  /** Whether no head of the chain was exported at all. */
  readonly isAll: boolean;
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

const placeOf = ({ seq, time }: AuditRow) => ({ seq, time });

async function checkChains(statements: Statements, seals: Seals, exported: ExportedHeads) {
  const faults: ChainFault[] = [];
  const uncovered: UncoveredRows[] = [];
  const left = new Set([...exported.writers(), ...seals.keys()]);
  const begin = (writer: string) => {
    left.delete(writer);
    const heads = exported.of(writer);
    const check = new ChainCheck(startOf(writer, seals), heads);
    return {
      writer,
      check,
      lastHead: [...heads.keys()].reduce((last, seq) => Math.max(last, seq), 0),
      behind: [] as AuditRow[],
    };
  };
  const finish = ({ writer, check, lastHead, behind: [from, to = from] }: ReturnType<typeof begin>) => {
    const fault = sealFault(writer, seals) ?? check.result();
    if (fault !== undefined) faults.push(fault);
    else if (from && to && exported.count > 0)
      uncovered.push({ writer, from: placeOf(from), to: placeOf(to), isAll: lastHead === 0 });
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
      // The first and the last of them.
      if (row.seq > current.lastHead) current.behind[Math.min(current.behind.length, 1)] = row;
    }
  }
  if (current !== undefined) finish(current);
  // Chains of which no row is left.
  [...left].map(begin).forEach(finish);
  return { writers, rows, seals: [...seals.values()].flat().length, uncovered, faults };
}
