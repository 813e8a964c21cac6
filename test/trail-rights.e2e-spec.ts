import { randomBytes } from 'node:crypto';

import pg from 'pg';

import { Secret } from '@app/secrets';
import { Database, excessRights, migrate } from '@app/store';

import { startGateway, startNeighbours } from './support/world.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

describe('the rights of the login of the service', () => {
  let testDatabase: TestDatabase;
  let admin: pg.Client;
  let owner: string;
  let database: Database;
  let role: string;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    const { TEST_DATABASE_ADMIN_URL: adminUrl = '' } = process.env;
    const { pathname } = new URL(testDatabase.url);
    admin = new pg.Client({ connectionString: Object.assign(new URL(adminUrl), { pathname }).href });
    await admin.connect();
    owner = new URL(testDatabase.ownerUrl).username;
    database = new Database({ url: { current: new Secret(testDatabase.url) }, caFile: undefined });
  });
  beforeEach(async () => {
    role = `rights_${randomBytes(6).toString('hex')}`;
    await admin.query(`create role ${role} login password 'secret'`);
  });
  afterEach(async () => {
    await admin.query(`drop owned by ${role}`);
    await admin.query(`drop role ${role}`);
  });
  afterAll(async () => {
    await database.close();
    await admin.end();
    await testDatabase.drop();
  });

  const excess = (of: string = role) => database.run((orm) => excessRights(orm, of));
  const urlOf = (name: string) => Object.assign(new URL(testDatabase.url), { username: name, password: 'secret' }).href;
  const migrateFor = (name: string) =>
    migrate({ ownerUrl: new Secret(testDatabase.ownerUrl), serviceUrl: new Secret(urlOf(name)) });

  it('are no more than it needs after a migration', async () => {
    expect(await migrateFor(role)).toEqual([]);
    expect(await database.run(excessRights)).toEqual([]);
    expect(await excess()).toEqual([]);
  });

  it.each<[string, () => string, string[]]>([
    ['a superuser', () => `alter role ${role} superuser`, ['it is a superuser']],
    [
      'a member of the owner',
      () => `grant ${owner} to ${role}`,
      ['it owns the tables, or is a member of the role that does'],
    ],
    [
      'a member of the owner that has to say so first',
      () => `alter role ${role} noinherit; grant ${owner} to ${role}`,
      ['it owns the tables, or is a member of the role that does'],
    ],
  ])('are told of by the migration when it is %s', async (_, grant, rights) => {
    await admin.query(grant());
    expect(await migrateFor(role)).toEqual(rights);
  });

  it('are told of the owner itself', async () => {
    expect(await excess(owner)).toEqual(['it owns the tables, or is a member of the role that does']);
  });

  it.each<[string, string[]]>([
    ['update on audit_records', ['it may UPDATE on audit_records']],
    ['update (text, hash) on audit_records', ['it may UPDATE on audit_records']],
    ['delete, truncate on audit_records', ['it may DELETE on audit_records', 'it may TRUNCATE on audit_records']],
    ['insert, update on audit_seals', ['it may INSERT on audit_seals', 'it may UPDATE on audit_seals']],
    ['delete on audit_seals', ['it may DELETE on audit_seals']],
    ['select, insert on audit_records', []],
  ])('are told when it was granted %s, itself or by a group', async (right, rights) => {
    await admin.query(`grant ${right} to ${role}`);
    expect(await excess()).toEqual(rights);
    const member = `${role}_member`;
    await admin.query(`create role ${member} in role ${role}`);
    expect(await excess(member)).toEqual(rights);
    await admin.query(`drop role ${member}`);
  });

  it('are in the log and in health when they are too many, and the service serves', async () => {
    const neighbours = await startNeighbours();
    const stateOf = async (url: string) => {
      const gateway = await startGateway(neighbours, { environment: { DATABASE_URL_FILE: '', DATABASE_URL: url } });
      const answer = await fetch(`${gateway.url}/health/ready`);
      const { checks } = (await answer.json()) as { checks: { store: unknown } };
      const warnings = gateway.log().filter((line) => line.includes('can change the audit trail'));
      await gateway.close();
      return { status: answer.status, store: checks.store, warnings };
    };
    expect(await stateOf(neighbours.database.url)).toEqual({ status: 200, store: { status: 'up' }, warnings: [] });
    const { status, store, warnings } = await stateOf(neighbours.database.ownerUrl);
    const right = 'it owns the tables, or is a member of the role that does';
    expect([status, store]).toEqual([
      200,
      { status: 'degraded', detail: `the login of the database can change the audit trail: ${right}` },
    ]);
    expect(warnings.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', rights: [right] }]);
    await neighbours.close();
  });
});
