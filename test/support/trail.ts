import type { AuditRecord } from '@app/audit';
import pg from 'pg';

import type { Neighbours } from './world.js';

/** What is on the audit trail, oldest first. */
export async function auditRecords({ database }: Pick<Neighbours, 'database'>): Promise<AuditRecord[]> {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  try {
    const { rows } = await owner.query<{ text: string }>('select text from audit_records order by time, writer, seq');
    return rows.map(({ text }) => JSON.parse(text) as AuditRecord);
  } finally {
    await owner.end();
  }
}
