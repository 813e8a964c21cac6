import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  /** Login of the role the service runs with. */
  readonly url: string;
  /** Login of the role that owns the tables. */
  readonly ownerUrl: string;
  /** Drops the database, whoever is still connected. */
  drop(): Promise<void>;
}

/** A migrated, empty database of its own for one spec file. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const {
    TEST_DATABASE_ADMIN_URL: adminUrl,
    TEST_DATABASE_OWNER_URL: ownerUrl,
    TEST_DATABASE_SERVICE_URL: serviceUrl,
  } = process.env;
  if (!adminUrl || !ownerUrl || !serviceUrl)
    throw new Error('Only specs run by jest with its global setup have a database.');

  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = new URL(ownerUrl).pathname.slice(1);
  const { username: owner } = new URL(ownerUrl);
  await statement(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${owner}`);
  return {
    url: withDatabase(serviceUrl, name),
    ownerUrl: withDatabase(ownerUrl, name),
    drop: () => statement(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

function withDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

async function statement(adminUrl: string, sql: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(sql);
  } finally {
    await admin.end();
  }
}
