import { migrate } from '@app/store';
import { Secret } from '@app/secrets';
import pg from 'pg';
import { DATABASE_NAME, startEmbeddedDatabase } from './embedded-database.js';

/*
 * The one PostgreSQL of a test run, as a process of its own: what jest loads before the tests knows neither the aliases
 * nor the transforms of the tests. Prints one JSON line when ready and ends when its parent does.
 */

const database = await startEmbeddedDatabase();

let isStopping = false;
const stop = () => {
  if (isStopping) return;
  isStopping = true;
  void database.stop().then(() => process.exit(0));
};
process.on('disconnect', stop).on('SIGTERM', stop);
// Ctrl-C reaches the whole group; the tests still need their database to end in order.
process.on('SIGINT', () => undefined);

await migrate({ ownerUrl: new Secret(database.ownerUrl), serviceUrl: new Secret(database.serviceUrl) });
// Nobody may be connected to a template while it is copied.
const admin = new pg.Client({ connectionString: database.adminUrl });
await admin.connect();
await admin.query(`ALTER DATABASE ${DATABASE_NAME} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`);
await admin.end();

const { adminUrl, ownerUrl, serviceUrl } = database;
console.log(JSON.stringify({ adminUrl, ownerUrl, serviceUrl }));
