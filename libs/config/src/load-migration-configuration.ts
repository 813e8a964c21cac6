import type { Secret } from '@app/secrets';
import { requireDatabaseUrl } from './database-url.js';
import { processEnvironment, withoutEmpty } from './environment.js';
import { Faults } from './faults.js';
import { NamedFiles } from './files.js';
import { SecretLoader } from './secret-loader.js';

/** What the migration of the database needs, and nothing else the service needs. */
export interface MigrationConfiguration {
  /** `DATABASE_OWNER_URL`: the role that owns the tables. */
  readonly ownerUrl: Secret;
  /** `DATABASE_URL`: the role of the service, which gets its rights from the migration. */
  readonly serviceUrl: Secret;
  readonly caFile: string | undefined;
}

/** @throws ConfigurationError with every fault there is */
export async function loadMigrationConfiguration(
  environment: NodeJS.ProcessEnv = processEnvironment(),
): Promise<MigrationConfiguration> {
  const faults = new Faults();
  const raw = withoutEmpty(environment);
  const loader = new SecretLoader(raw, faults);
  const ownerUrl = await loader.fromEnvironment('DATABASE_OWNER_URL');
  requireDatabaseUrl('DATABASE_OWNER_URL', ownerUrl, faults);
  const serviceUrl = await loader.fromEnvironment('DATABASE_URL');
  requireDatabaseUrl('DATABASE_URL', serviceUrl, faults);
  const caFile = await new NamedFiles(faults).certificateOf(raw, 'DATABASE_CA_FILE');
  if (faults.hasAny || !ownerUrl || !serviceUrl) throw faults.toError();
  return Object.freeze({ ownerUrl: ownerUrl.current, serviceUrl: serviceUrl.current, caFile });
}
