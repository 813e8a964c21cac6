import { ConfigurationError, loadMigrationConfiguration } from '@app/config';
import { migrate } from '@app/store';

try {
  await migrate(await loadMigrationConfiguration());
  console.log('The database is up to date.');
} catch (error) {
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  console.error(error instanceof ConfigurationError ? error.message : `The migration failed${code}.`);
  process.exit(1);
}
