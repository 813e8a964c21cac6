import { readFileSync } from 'node:fs';
import { isNativeError } from 'node:util/types';

import { DomainError, InternalError, StoreUnavailableError } from '@app/problems';
import type { Secret } from '@app/secrets';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';

export type Orm = NodePgDatabase;

export interface DatabaseOptions {
  url: { readonly current: Secret };
  /** PEM file of the CA that the server's certificate must come from; TLS is as the URL says when absent. */
  caFile: string | undefined;
  /** Told of connections that broke while idle, which no caller is there to hear of. */
  onIdleError?: (error: Error) => void;
  /** Who waits longer than this for a connection or an answer gets `store-unavailable`, ms; default 5 s. */
  patienceMs?: number;
}

const PATIENCE_MS = 5_000;

/** SQLSTATE of a row that would break a unique index (PostgreSQL, appendix A). */
const UNIQUE_VIOLATION = '23505';

/** The connection to PostgreSQL. Its errors never carry statements or parameters. */
export class Database {
  private readonly pool: pg.Pool;
  private readonly orm: Orm;

  constructor(options: DatabaseOptions) {
    const { patienceMs = PATIENCE_MS } = options;
    this.pool = new pg.Pool({
      connectionString: options.url.current.expose(),
      max: 10,
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: patienceMs,
      // A replica that is paused within a transaction must not keep its locks from the others.
      idle_in_transaction_session_timeout: 2 * patienceMs,
      application_name: 'restore-gateway',
      ...(options.caFile === undefined ? {} : { ssl: { ca: readFileSync(options.caFile, 'utf8') } }),
    });
    this.pool.on('error', (error) => options.onIdleError?.(error));
    // The pool listens to idle connections only: one that breaks within a transaction would end the process. Its
    // statements fail anyway, and their caller is told.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    this.orm = drizzle(this.pool);
  }

  /**
   * @throws StoreUnavailableError when the database cannot be reached or does not answer
   * @throws UniqueViolation when a unique index refuses the row
   */
  async run<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    try {
      return await work(this.orm);
    } catch (error) {
      throw toStoreError(error);
    }
  }

  /** As `run`, all or nothing. */
  async transaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return this.run(async () => {
      // Taken out here, since drizzle would never give back a connection on which not even BEGIN succeeds.
      const client = await this.pool.connect();
      let isSpoilt = false;
      try {
        return await drizzle(client).transaction(work);
      } catch (error) {
        isSpoilt = toStoreError(error) instanceof StoreUnavailableError;
        throw error;
      } finally {
        // One that does not answer may still be at a statement that was given up.
        client.release(isSpoilt);
      }
    });
  }

  /** @throws StoreUnavailableError unless the database answers. */
  async ping(): Promise<void> {
    await this.run((orm) => orm.execute('select 1'));
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

/** What repositories need of a database, or of a transaction that is under way. */
export type Statements = Pick<Database, 'run' | 'transaction'>;

/** Lets repositories work within somebody else's transaction; a transaction of theirs becomes a savepoint in it. */
export function within(orm: Orm): Statements {
  const run = async <T>(work: (orm: Orm) => Promise<T>): Promise<T> => {
    try {
      return await work(orm);
    } catch (error) {
      throw toStoreError(error);
    }
  };
  return { run, transaction: (work) => run(() => orm.transaction(work)) };
}

/** A unique index refused the row; `constraint` is its name. */
export class UniqueViolation extends Error {
  constructor(readonly constraint: string) {
    super(`refused by ${constraint}`);
  }
}

function toStoreError(error: unknown): unknown {
  if (error instanceof DomainError || error instanceof UniqueViolation) {
    return error;
  }
  // drizzle wraps the driver's error in one whose message repeats statement and parameters.
  const driver = isNativeError(error) && isNativeError(error.cause) ? error.cause : error;
  if (driver instanceof pg.DatabaseError && driver.code !== undefined) {
    if (driver.code === UNIQUE_VIOLATION) {
      return new UniqueViolation(driver.constraint ?? '');
    }
    return isOutage(driver.code)
      ? new StoreUnavailableError('The database is not ready.', { cause: safeCause(driver) })
      : new InternalError('A statement failed.', { cause: safeCause(driver) });
  }
  if (isNativeError(driver) && (isConnectionError(driver) || error !== driver)) {
    return new StoreUnavailableError('The database cannot be reached.', { cause: safeCause(driver) });
  }
  return error;
}

/** Classes 08 (connection), 53 (resources), 57 (shutdown, cancellation), 28 (login), 3D (no such database), 25006 (read-only standby). */
function isOutage(sqlState: string): boolean {
  return /^(08|53|57|28|3D)/.test(sqlState) || sqlState === '25006';
}

function isConnectionError(error: Error): boolean {
  return 'syscall' in error || /timeout|terminated|connection|ended/i.test(error.message);
}

function safeCause(error: Error): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  return new Error(`PostgreSQL driver: ${code}`);
}
