import { ConfigurationError, loadMigrationConfiguration } from '@app/config';
import { migrate } from '@app/store';

try {
  const excess = await migrate(await loadMigrationConfiguration());
  for (const right of excess) {
    console.error(`Warning: the login of DATABASE_URL can change the audit trail: ${right}. It must add to it only.`);
  }
  console.log('The database is up to date.');
} catch (error) {
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  console.error(error instanceof ConfigurationError ? error.message : `The migration failed${code}.`);
  process.exit(1);
}
