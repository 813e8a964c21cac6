import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Secret } from '@app/secrets';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';

import { excessRights } from './excess-rights.js';

export interface MigrationOptions {
  /** Login of the role that owns the tables. */
  ownerUrl: Secret;
  /** Login of the service: its role gets what the service needs and no more. */
  serviceUrl: Secret;
  caFile?: string | undefined;
}

/** Held while migrating, so that replicas started together do not migrate at the same time. */
const MIGRATION_LOCK = 7_316_001;

/**
 * Brings the database to the newest schema and grants the service's role its rights. Safe to repeat.
 * @returns what the service's role may do to the audit trail all the same, since it has it otherwise
 */
export async function migrate(options: MigrationOptions): Promise<string[]> {
  const client = new pg.Client({
    connectionString: options.ownerUrl.expose(),
    application_name: 'restore-gateway-migrate',
    ...(options.caFile === undefined ? {} : { ssl: { ca: readFileSync(options.caFile, 'utf8') } }),
  });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const orm = drizzle(client);
    await applyMigrations(orm, { migrationsFolder: migrationsFolder() });
    const serviceRole = decodeURIComponent(new URL(options.serviceUrl.expose()).username);
    await grantServiceRights(client, serviceRole);
    return await excessRights(orm, serviceRole);
  } finally {
    await client.end();
  }
}

/** Tables whose rows the service changes. It deletes none of any table. */
const changedTables = [
  'restore_sessions',
  'former_upstream_sessions',
  'operations',
  'operation_events',
  'device_codes',
  'upstream_servers',
  'webhook_deliveries',
  'audit_sinks',
  'audit_sink_positions',
];

async function grantServiceRights(client: pg.Client, serviceRole: string): Promise<void> {
  const role = client.escapeIdentifier(serviceRole);
  await client.query(`grant usage on schema public to ${role}`);
  for (const table of changedTables) {
    await client.query(`revoke all on ${table} from ${role}`);
    await client.query(`grant select, insert, update on ${table} to ${role}`);
  }
  // What is on the trail stays as it was written.
  await client.query(`revoke all on audit_records from ${role}`);
  await client.query(`grant select, insert on audit_records to ${role}`);
  // Only the owner takes something out, and puts a seal in its place.
  await client.query(`revoke all on audit_seals from ${role}`);
  await client.query(`grant select on audit_seals to ${role}`);
  await client.query(`revoke all on gateway_keys from ${role}`);
  await client.query(`grant select on gateway_keys to ${role}`);
}

/** The checked-in migrations lie beside the sources, and in the image beside `dist`. */
function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    folder = dirname(folder);
  }
  return join(folder, 'libs/store/migrations');
}
