import type { AuditAction, AuditRecord } from './audit-record.js';
import { type AuditRow, chainHash, type ChainHead, columnsOf } from './chain.js';

/** The first row of a chain that is not as it was written. */
export interface ChainFault {
  readonly writer: string;
  readonly seq: number;
  readonly fault:
    /** Rows are gone from the beginning or the middle; `seq` is the first of them. */
    | 'missing'
    /** A row where the chain has no place for one. */
    | 'inserted'
    /** It does not follow the row before: one of the two was exchanged, or written anew. */
    | 'not-linked'
    /** Its text is not the one that was hashed. */
    | 'changed'
    /** Its text is intact, a column beside it says something else. */
    | 'column-changed'
    /** The chain holds, and is not the one whose head was exported. */
    | 'not-as-exported'
    /** A row behind the one that ended the chain. */
    | 'after-end'
    /** An exported head says that there was more; `seq` is the first that is gone. */
    | 'tail-missing'
    /** A seal does not join the one before, or the beginning; `seq` is the first row it should have taken. */
    | 'seal-not-joined'
    /** The rows of an archive hold, but the file is not the one that was sealed. */
    | 'not-as-sealed';
  /** Of `column-changed`. */
  readonly column?: string;
}

/** What nothing of the same chain follows: the process has ended with it, or never wrote more. */
const lastActions: readonly string[] = ['service.stopped', 'audit.sealed'] satisfies AuditAction[];

/** Checks one chain, row by row in the order of `seq`; after the first fault it has nothing more to say. */
export class ChainCheck {
  private last: ChainHead;
  private fault: ChainFault | undefined;
  private hasEnded = false;

  /**
   * @param start where the rows begin: after the last one that was sealed, or at the beginning
   * @param exported hashes that heads of this chain had, by `seq`
   */
  constructor(
    start: ChainHead,
    private readonly exported: ReadonlyMap<number, string> = new Map(),
  ) {
    this.last = start;
    this.fault = this.notAsExported(start);
  }

  add(row: AuditRow): void {
    if (this.fault !== undefined) return;
    this.fault = this.faultOf(row);
    this.last = row;
    this.hasEnded = lastActions.includes(row.action);
  }

  /** To be asked after the last row. */
  result(): ChainFault | undefined {
    if (this.fault !== undefined) return this.fault;
    const { writer, seq } = this.last;
    const hasTail = [...this.exported.keys()].every((exportedSeq) => exportedSeq <= seq);
    return hasTail ? undefined : { writer, seq: seq + 1, fault: 'tail-missing' };
  }

  private faultOf(row: AuditRow): ChainFault | undefined {
    const { writer, seq } = row;
    const expected = this.last.seq + 1;
    if (seq > expected) return { writer, seq: expected, fault: 'missing' };
    if (seq < expected) return { writer, seq, fault: 'inserted' };
    if (this.hasEnded) return { writer, seq, fault: 'after-end' };
    if (row.prev !== this.last.hash) return { writer, seq, fault: 'not-linked' };
    if (chainHash(row.prev, row.text) !== row.hash) return { writer, seq, fault: 'changed' };
    const column = changedColumn(row);
    if (column !== undefined) return { writer, seq, fault: 'column-changed', column };
    return this.notAsExported(row);
  }

  private notAsExported({ writer, seq, hash }: ChainHead): ChainFault | undefined {
    const exported = this.exported.get(seq);
    return exported !== undefined && exported !== hash ? { writer, seq, fault: 'not-as-exported' } : undefined;
  }
}

function changedColumn(row: AuditRow): string | undefined {
  let told: ReturnType<typeof columnsOf>;
  try {
    told = columnsOf(JSON.parse(row.text) as AuditRecord);
  } catch {
    return 'text';
  }
  return (Object.keys(told) as (keyof typeof told)[]).find((name) => comparable(told[name]) !== comparable(row[name]));
}

function comparable(value: AuditRow[keyof AuditRow]) {
  return value instanceof Date ? value.getTime() : value;
}
