import { auditRecords, type Database, type Orm } from '@app/store';
import { and, asc, desc, eq, gt, sql, type SQL } from 'drizzle-orm';

import { type AuditRow, type ChainHead, emptyChain } from './chain.js';

/** Rows that are in memory at a time. */
const PAGE_ROWS = 1_000;

/**
 * All rows that fulfil `condition`, chain by chain in their order, a page at a time. The trail may grow meanwhile.
 * @throws StoreUnavailableError
 */
export async function* readRows(database: Database, condition?: SQL): AsyncGenerator<AuditRow[]> {
  // `ctid` tells rows apart that somebody put in the same place, once the primary key that forbids it was taken away.
  const place = sql<string>`${auditRecords}.ctid`;
  let after: SQL | undefined;
  for (;;) {
    const rows = await database.run((orm) =>
      orm
        .select({ row: auditRecords, place })
        .from(auditRecords)
        .where(and(condition, after))
        .orderBy(asc(auditRecords.writer), asc(auditRecords.seq), asc(place))
        .limit(PAGE_ROWS),
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(({ row }) => row);
    if (rows.length < PAGE_ROWS) return;
    after = sql`(${auditRecords.writer}, ${auditRecords.seq}, ${place}) > (${last.row.writer}::uuid, ${last.row.seq}::bigint, ${last.place}::tid)`;
  }
}

/** Where each chain ends, as the database has it. */
export async function* readHeads(database: Database): AsyncGenerator<ChainHead> {
  for (let writer = await nextWriter(database); writer !== undefined; writer = await nextWriter(database, writer)) {
    const current = writer;
    yield await database.run((orm) => readHead(orm, current));
  }
}

/** Where the chain of a writer ends, as the database has it. */
export async function readHead(orm: Orm, writer: string): Promise<ChainHead> {
  const rows = await orm
    .select({ writer: auditRecords.writer, seq: auditRecords.seq, hash: auditRecords.hash })
    .from(auditRecords)
    .where(eq(auditRecords.writer, writer))
    .orderBy(desc(auditRecords.seq))
    .limit(1);
  return rows[0] ?? emptyChain(writer);
}

async function nextWriter(database: Database, after?: string): Promise<string | undefined> {
  const rows = await database.run((orm) =>
    orm
      .select({ writer: auditRecords.writer })
      .from(auditRecords)
      .where(after === undefined ? undefined : gt(auditRecords.writer, after))
      .orderBy(asc(auditRecords.writer))
      .limit(1),
  );
  return rows[0]?.writer;
}
