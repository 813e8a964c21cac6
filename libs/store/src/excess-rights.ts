import { sql } from 'drizzle-orm';

import type { Orm } from './database.js';

/** Nothing of these is to be changed by the service: of records it adds, of seals it reads. */
const kept = ['audit_records', 'audit_seals'] as const;

/**
 * What a role may do to the audit trail that the service must not be able to, in words; empty when it is as `migrate` leaves it. Rights that come
 * by a role that it is a member of count.
 * @param role default: that of the connection
 */
export async function excessRights(orm: Orm, role?: string): Promise<string[]> {
  const named = role === undefined ? sql`current_user` : sql`${role}`;
  const { rows } = await orm.execute<{ table: string; super: boolean; owns: boolean; may: string[] | null }>(sql`
    select c.relname as "table", r.rolsuper as "super", pg_has_role(r.oid, c.relowner, 'MEMBER') as "owns",
      array_remove(array[
        case when c.relname = 'audit_seals' and has_any_column_privilege(r.oid, c.oid, 'INSERT') then 'INSERT' end,
        case when has_any_column_privilege(r.oid, c.oid, 'UPDATE') then 'UPDATE' end,
        case when has_table_privilege(r.oid, c.oid, 'DELETE') then 'DELETE' end,
        case when has_table_privilege(r.oid, c.oid, 'TRUNCATE') then 'TRUNCATE' end
      ], null) as "may"
    from pg_roles r, pg_class c
    where r.rolname = ${named} and c.oid in (${sql.join(
      kept.map((table) => sql`to_regclass(${table})`),
      sql`, `,
    )})
    order by c.relname`);
  // Each of the first two has all of the next.
  if (rows.some((row) => row.super)) return ['it is a superuser'];
  if (rows.some(({ owns }) => owns)) return ['it owns the tables, or is a member of the role that does'];
  return rows.flatMap(({ table, may }) => (may ?? []).map((right) => `it may ${right} on ${table}`));
}
