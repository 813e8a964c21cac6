import type pg from 'pg';

/**
 * How many connections wait for a lock that this one holds. Not simply those that wait: `pg_locks` tells of all
 * databases of the server, other specs' too. (Nor by `pg_stat_activity`, which stands still within a transaction.)
 */
export async function waitingFor(holder: pg.Client): Promise<number> {
  const { rowCount } = await holder.query(
    'select distinct pid from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))',
  );
  return rowCount ?? 0;
}

/** Whether a connection to the same database, gone or there, still holds an advisory lock. */
export async function isAdvisoryLockHeld(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_locks join pg_database on pg_database.oid = pg_locks.database
     where locktype = 'advisory' and datname = current_database()`,
  );
  return rowCount !== 0;
}
