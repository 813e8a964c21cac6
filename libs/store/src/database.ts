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

/** Connections with one login. */
interface Login {
  readonly pool: pg.Pool;
  readonly orm: Orm;
  /** Work under way with it. */
  uses: number;
}

/** The connection to PostgreSQL. Its errors never carry statements or parameters. */
export class Database {
  private login: Login;
  /** Logins that were left, until the work that was begun with them has ended. */
  private readonly left = new Set<Login>();

  constructor(private readonly options: DatabaseOptions) {
    this.login = this.open(options.url.current);
  }

  /**
   * @throws StoreUnavailableError when the database cannot be reached or does not answer
   * @throws UniqueViolation when a unique index refuses the row
   */
  async run<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return this.using(({ orm }) => work(orm));
  }

  /** As `run`, all or nothing. */
  async transaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return this.using(async ({ pool }) => {
      // Taken out here, since drizzle would never give back a connection on which not even BEGIN succeeds.
      const client = await pool.connect();
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

  /**
   * Logs in with another URL, and looks whether the service could go on with it.
   * @throws DatabaseRefusedError, StoreUnavailableError
   */
  async tryUrl(url: Secret): Promise<void> {
    if (!isDatabaseUrl(url.expose())) throw new DatabaseRefusedError();
    const tried = this.open(url, 1);
    try {
      const [own, other] = await Promise.all([this.using(readMarks), this.using(readMarks, tried)]);
      if (own.key !== other.key || !other.mayWrite) throw new DatabaseRefusedError();
    } catch (error) {
      // Of a statement: there are no such tables, or the role may not read them.
      throw error instanceof InternalError ? new DatabaseRefusedError() : error;
    } finally {
      void tried.pool.end();
    }
  }

  /** Takes its connections by another URL from now on. What is under way ends where it was begun. */
  moveTo(url: Secret): void {
    const before = this.login;
    this.login = this.open(url);
    this.left.add(before);
    this.endIfUnused(before);
  }

  async close(): Promise<void> {
    const open = [this.login, ...this.left];
    this.left.clear();
    await Promise.all(open.map(({ pool }) => pool.end()));
  }

  private open(url: Secret, max = 10): Login {
    const { patienceMs = PATIENCE_MS, caFile, onIdleError } = this.options;
    const pool = new pg.Pool({
      connectionString: url.expose(),
      max,
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: patienceMs,
      // A replica that is paused within a transaction must not keep its locks from the others.
      idle_in_transaction_session_timeout: 2 * patienceMs,
      application_name: 'restore-gateway',
      ...(caFile === undefined ? {} : { ssl: { ca: readFileSync(caFile, 'utf8') } }),
    });
    pool.on('error', (error) => onIdleError?.(error));
    // The pool listens to idle connections only: one that breaks within a transaction would end the process. Its
    // statements fail anyway, and their caller is told.
    pool.on('connect', (client) => client.on('error', () => undefined));
    return { pool, orm: drizzle(pool), uses: 0 };
  }

  private async using<T>(work: (login: Login) => Promise<T>, login = this.login): Promise<T> {
    login.uses++;
    try {
      return await work(login);
    } catch (error) {
      throw toStoreError(error);
    } finally {
      login.uses--;
      this.endIfUnused(login);
    }
  }

  private endIfUnused(login: Login): void {
    if (login.uses > 0 || !this.left.delete(login)) return;
    void login.pool.end();
  }
}

/** Another URL cannot take the place of the one in use. */
export class DatabaseRefusedError extends Error {
  override readonly name = 'DatabaseRefusedError';

  constructor() {
    super('must lead to the same database, by a role that the migration has given its rights');
  }
}

function isDatabaseUrl(text: string): boolean {
  return URL.canParse(text) && /^postgres(ql)?:\/\//.test(text);
}

/** By what a database is known, and whether the role may do in it what the service does. */
async function readMarks({ pool }: Login): Promise<{ key: string; mayWrite: boolean }> {
  const { rows } = await pool.query<{ key: string; mayWrite: boolean }>(
    `select key, has_table_privilege('operations', 'INSERT') and has_table_privilege('operations', 'UPDATE')
       and has_table_privilege('audit_records', 'INSERT') as "mayWrite"
     from gateway_keys where name = 'keyed-hashes'`,
  );
  return rows[0] ?? { key: '', mayWrite: false };
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
