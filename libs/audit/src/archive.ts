import { createHash } from 'node:crypto';

import type { AuditRecord } from './audit-record.js';
import { type AuditRow, columnsOf } from './chain.js';
import { ChainCheck, type ChainFault } from './chain-check.js';
import { ExportedHeads } from './exported-heads.js';
import { linesOf } from './lines.js';
import { type Seal, type Seals, startOf } from './seals.js';

/** A line that no archive has; `line` counts from 1. */
export class UnreadableArchiveError extends Error {
  constructor(
    readonly path: string,
    readonly line: number,
  ) {
    super(`Line ${line} of ${path} cannot be read as a line of an archive.`);
  }
}

export interface ArchiveCheck {
  readonly rows: number;
  /** How many seals it was compared with. */
  readonly seals: number;
  /** The first of each broken chain; empty when the file is as it was sealed. */
  readonly faults: readonly ChainFault[];
}

/**
 * Recomputes the chains of an archive, from the seal before to the one that it was sealed with, and compares them with the heads that were
 * exported before they were sealed. Memory is bounded but for heads and seals.
 * @throws UnreadableArchiveError
 */
export async function checkArchive(path: string, seals: Seals, heads = new ExportedHeads()): Promise<ArchiveCheck> {
  const digest = createHash('sha256');
  const faults: ChainFault[] = [];
  const compared = new Map<Seal, ChainFault | undefined>();
  let rows = 0;
  let line = 0;
  let current: SealedChainCheck | undefined;
  const finish = () => {
    if (current !== undefined) compared.set(current.seal, current.result());
    current = undefined;
  };
  for await (const text of linesOf(path, (chunk) => digest.update(chunk))) {
    line++;
    if (text.startsWith('{"head":')) continue;
    const row = rowOf(text);
    if (row === undefined) throw new UnreadableArchiveError(path, line);
    rows++;
    if (current?.seal.writer !== row.writer) {
      finish();
      const seal = seals.get(row.writer)?.find(({ seq }) => seq >= row.seq);
      if (seal === undefined) {
        faults.push({ writer: row.writer, seq: row.seq, fault: 'inserted' });
        continue;
      }
      current = new SealedChainCheck(seal, seals, heads);
    }
    current.add(row);
  }
  finish();

  const actual = digest.digest('hex');
  for (const [{ writer, seq, digest: sealed }, fault] of compared) {
    if (fault !== undefined) faults.push(fault);
    else if (sealed !== actual) faults.push({ writer, seq, fault: 'not-as-sealed' });
  }
  return { rows, seals: compared.size, faults };
}

/** The rows that one seal stands for: they follow the seal before it, and end where it says. */
class SealedChainCheck {
  private readonly check: ChainCheck;
  private surplus: ChainFault | undefined;

  constructor(
    readonly seal: Seal,
    seals: Seals,
    heads: ExportedHeads,
  ) {
    this.check = new ChainCheck(startOf(seal.writer, seals, seal), heads.of(seal.writer, seal.seq, [seal]));
  }

  add(row: AuditRow): void {
    if (row.seq > this.seal.seq) this.surplus ??= { writer: row.writer, seq: row.seq, fault: 'inserted' };
    else this.check.add(row);
  }

  result(): ChainFault | undefined {
    return this.check.result() ?? this.surplus;
  }
}

const rowLine = /^\{"hash":"([0-9a-f]{64})","prev":"([0-9a-f]{64})","(record|unreadable)":(.*)\}$/s;

/** Undefined for what no row was written as. */
function rowOf(line: string): AuditRow | undefined {
  const [, hash, prev, member, value] = rowLine.exec(line) ?? [];
  if (hash === undefined || prev === undefined || value === undefined) return undefined;
  try {
    const text = member === 'record' ? value : (JSON.parse(value) as string);
    return { ...columnsOf(JSON.parse(text) as AuditRecord), hash, prev, text };
  } catch {
    return undefined;
  }
}
