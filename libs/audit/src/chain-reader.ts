import { auditRecords, auditSeals, type Orm, type Statements } from '@app/store';
import { and, asc, desc, eq, gt, sql, type SQL } from 'drizzle-orm';

import { type AuditRow, type ChainHead, emptyChain } from './chain.js';

/** Rows that are in memory at a time. */
const PAGE_ROWS = 1_000;

/**
 * All rows that fulfil `condition`, chain by chain in their order, a page at a time. The trail may grow meanwhile.
 * @throws StoreUnavailableError
 */
export async function* readRows(statements: Statements, condition?: SQL): AsyncGenerator<AuditRow[]> {
  // `ctid` tells rows apart that somebody put in the same place, once the primary key that forbids it was taken away.
  const place = sql<string>`${auditRecords}.ctid`;
  let after: SQL | undefined;
  for (;;) {
    const rows = await statements.run((orm) =>
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

/** Where each chain ends that has rows, as the database has it. */
export async function* readHeads(statements: Statements): AsyncGenerator<ChainHead> {
  for await (const writer of readWriters(statements)) {
    yield await statements.run((orm) => readHead(orm, writer));
  }
}

/** Where the chain of a writer ends, as the database has it: if no row is left, where it was sealed. */
export async function readHead(orm: Orm, writer: string): Promise<ChainHead> {
  const headIn = async (table: typeof auditRecords | typeof auditSeals) => {
    const rows = await orm
      .select({ writer: table.writer, seq: table.seq, hash: table.hash })
      .from(table)
      .where(eq(table.writer, writer))
      .orderBy(desc(table.seq))
      .limit(1);
    return rows[0];
  };
  return (await headIn(auditRecords)) ?? (await headIn(auditSeals)) ?? emptyChain(writer);
}

/** Each writer that has rows, in order; one index look-up each. */
export async function* readWriters(statements: Statements): AsyncGenerator<string> {
  for (let writer = await nextWriter(statements); writer !== undefined; writer = await nextWriter(statements, writer)) {
    yield writer;
  }
}

async function nextWriter(statements: Statements, after?: string): Promise<string | undefined> {
  const rows = await statements.run((orm) =>
    orm
      .select({ writer: auditRecords.writer })
      .from(auditRecords)
      .where(after === undefined ? undefined : gt(auditRecords.writer, after))
      .orderBy(asc(auditRecords.writer))
      .limit(1),
  );
  return rows[0]?.writer;
}
