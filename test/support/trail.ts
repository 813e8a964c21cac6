import type { AuditRecord } from '@app/audit';
import pg from 'pg';

import type { Neighbours } from './world.js';

/** What is on the audit trail, oldest first. */
export async function auditRecords(neighbours: Pick<Neighbours, 'database'>): Promise<AuditRecord[]> {
  return query(neighbours, 'true');
}

/** What is on the audit trail of one request, oldest first. */
export async function recordsOf(neighbours: Pick<Neighbours, 'database'>, requestId: string): Promise<AuditRecord[]> {
  return query(neighbours, "text::json->>'requestId' = $1", requestId);
}

async function query({ database }: Pick<Neighbours, 'database'>, condition: string, ...values: string[]) {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  try {
    const { rows } = await owner.query<{ text: string }>(
      `select text from audit_records where ${condition} order by time, writer, seq`,
      values,
    );
    return rows.map(({ text }) => JSON.parse(text) as AuditRecord);
  } finally {
    await owner.end();
  }
}
