import { auditRecords, type Database } from '@app/store';
import { and, desc, sql } from 'drizzle-orm';

import { type AuditFilters, conditionOf } from './audit-filters.js';
import type { AuditRecord } from './audit-record.js';

export interface AuditPage {
  /** The last record of the page before; absent for the first page. */
  readonly after?: Pick<AuditRecord, 'time' | 'writer' | 'seq'> | undefined;
  readonly limit: number;
}

/** Lists the trail for auditors. It does not verify. */
export class AuditReader {
  constructor(private readonly database: Database) {}

  /**
   * Newest first. What is written meanwhile shifts no page.
   * @param filters `organizations` are those whose records the caller may read
   * @throws StoreUnavailableError
   */
  async list(
    filters: AuditFilters & Required<Pick<AuditFilters, 'organizations'>>,
    { after, limit }: AuditPage,
  ): Promise<AuditRecord[]> {
    const { time, writer, seq, text } = auditRecords;
    const isAfter =
      after &&
      sql`(${time}, ${writer}, ${seq}) < (${after.time}::timestamptz, ${after.writer}::uuid, ${after.seq}::bigint)`;
    const rows = await this.database.run((orm) =>
      orm
        .select({ text })
        .from(auditRecords)
        .where(and(conditionOf(filters), isAfter))
        .orderBy(desc(time), desc(writer), desc(seq))
        .limit(limit),
    );
    return rows.map((row) => JSON.parse(row.text) as AuditRecord);
  }
}
