import { auditSeals, type Orm } from '@app/store';
import { asc, sql } from 'drizzle-orm';

import { type ChainHead, emptyChain } from './chain.js';
import type { ChainFault } from './chain-check.js';

/** The end of what was taken out of a chain, with how much it was and in which file it is. */
export type Seal = typeof auditSeals.$inferSelect;

/** Seals by writer, in the order of their chain. */
export type Seals = ReadonlyMap<string, readonly Seal[]>;

/** Held while sealing, and shared by whoever reads all chains: rows must not go from under a check. */
const SEAL_LOCK = 7_316_002;

/** Until the end of the transaction. */
export async function lockSeals(orm: Orm, mode: 'exclusive' | 'shared'): Promise<void> {
  const suffix = sql.raw(mode === 'shared' ? '_shared' : '');
  await orm.execute(sql`select pg_advisory_xact_lock${suffix}(${SEAL_LOCK})`);
}

export async function readSeals(orm: Orm): Promise<Seals> {
  const seals = new Map<string, Seal[]>();
  for (const seal of await orm.select().from(auditSeals).orderBy(asc(auditSeals.writer), asc(auditSeals.seq))) {
    seals.set(seal.writer, [...(seals.get(seal.writer) ?? []), seal]);
  }
  return seals;
}

/** Where the rows of a chain begin that are not sealed, or those of the seal that is given. */
export function startOf(writer: string, seals: Seals, before?: Seal): ChainHead {
  const own = seals.get(writer) ?? [];
  const last = before === undefined ? own.at(-1) : own[own.indexOf(before) - 1];
  return last === undefined ? emptyChain(writer) : { writer, seq: last.seq, hash: last.hash };
}

/** The first place where the seals of a chain do not cover what they say. */
export function sealFault(writer: string, seals: Seals): ChainFault | undefined {
  let seq = 0;
  for (const seal of seals.get(writer) ?? []) {
    if (seal.seq - seal.rows !== seq) return { writer, seq: seq + 1, fault: 'seal-not-joined' };
    seq = seal.seq;
  }
  return undefined;
}
