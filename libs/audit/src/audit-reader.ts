import { auditRecords, type Database } from '@app/store';
import { and, desc, sql } from 'drizzle-orm';

import { type AuditFilters, conditionOf } from './audit-filters.js';
import type { AuditAction, AuditRecord } from './audit-record.js';

/** Where a record stands in a list. */
export type AuditPosition = Pick<AuditRecord, 'time' | 'writer' | 'seq'>;

export interface AuditPage {
  /** The last record of the page before; absent for the first page. */
  readonly after?: AuditPosition | undefined;
  readonly limit: number;
}

/** Lists the trail for auditors. It does not verify. */
export class AuditReader {
  constructor(private readonly database: Database) {}

  /**
   * Newest first. What is written meanwhile shifts no page.
   * @param filters `scope` is what the caller may read
   * @throws StoreUnavailableError
   */
  async list(
    filters: AuditFilters & Required<Pick<AuditFilters, 'scope'>>,
    { after, limit }: AuditPage,
  ): Promise<AuditRecord[]> {
    const { id, time, writer, seq, action, text } = auditRecords;
    const isAfter =
      after &&
      sql`(${time}, ${writer}, ${seq}) < (${after.time}::timestamptz, ${after.writer}::uuid, ${after.seq}::bigint)`;
    const rows = await this.database.run((orm) =>
      orm
        .select({ id, time, writer, seq, action, text })
        .from(auditRecords)
        .where(and(conditionOf(filters), isAfter))
        .orderBy(desc(time), desc(writer), desc(seq))
        .limit(limit),
    );
    return rows.map((row) => ({
      ...told(row.text),
      id: row.id,
      time: row.time.toISOString(),
      writer: row.writer,
      seq: row.seq,
      action: row.action as AuditAction,
    }));
  }
}

/** What the text says. One that somebody changed may be anything: the columns beside it still let the list go on. */
function told(text: string): Partial<AuditRecord> {
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record === 'object' && record !== null && !Array.isArray(record)) return record;
  } catch {
    // Told below, and by `verify`.
  }
  return { detail: { unreadable: true } };
}
