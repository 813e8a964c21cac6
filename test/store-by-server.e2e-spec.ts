import { randomUUID } from 'node:crypto';

import pg from 'pg';

import { Secret } from '@app/secrets';
import {
  Database,
  FormerUpstreamSessionsRepository,
  type NewOperation,
  type NewRestoreSession,
  OperationClaimsRepository,
  OperationsRepository,
  RestoreSessionsRepository,
  UpstreamServersRepository,
} from '@app/store';

import { createTestDatabase, type TestDatabase } from './support/test-database.js';

/** What two backup servers have in one database, where ids of the one may be ids of the other too. */
describe('what is stored by backup server', () => {
  let testDatabase: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = new Database({ url: { current: new Secret(testDatabase.url) }, caFile: undefined });
  });
  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });

  const session = (changes: Partial<NewRestoreSession>): NewRestoreSession => ({
    id: randomUUID(),
    owner: { issuer: 'https://issuer.example', subject: randomUUID() },
    backupServer: 'emea',
    organizationId: 'organization-1',
    organizationName: 'contoso.onmicrosoft.com',
    upstreamSessionId: randomUUID(),
    pointInTime: new Date(),
    showDeleted: false,
    showAllVersions: false,
    reason: undefined,
    onBehalfOf: undefined,
    isForOneOperation: false,
    createdAt: new Date(),
    ...changes,
  });

  const operationIn = ({ id, owner, ...place }: NewRestoreSession): NewOperation => ({
    id: randomUUID(),
    action: 'restore',
    owner: { ...owner, clientId: undefined },
    principal: {} as NewOperation['principal'],
    isOnOwnOneDrive: true,
    organizationId: place.organizationId,
    organizationName: place.organizationName,
    backupServer: place.backupServer,
    restoreSessionId: id,
    upstreamSessionId: place.upstreamSessionId,
    item: { kind: 'onedrive', oneDriveId: 'onedrive-1' },
    request: {},
    reason: undefined,
    onBehalfOf: undefined,
    credential: undefined,
    requestId: randomUUID(),
    traceId: undefined,
    sourceAddress: undefined,
    requestedAt: new Date(),
    boundTo: undefined,
  });

  it('has room for so many sessions of a server, whoever opens them at the same moment', async () => {
    const sessions = new RestoreSessionsRepository(database);
    const limits = { perOwner: 10, perServer: 3 };
    const opening = Array.from({ length: 24 }, (_, i) =>
      sessions.insert(session({ backupServer: i % 2 === 0 ? 'emea' : 'apac' }), limits),
    );
    expect((await Promise.all(opening)).filter((isOpened) => isOpened)).toHaveLength(6);
    const other = session({ backupServer: 'latam' });
    expect(await sessions.hasRoom(other, limits)).toBe(true);
    expect(await sessions.hasRoom({ ...other, backupServer: 'apac' }, limits)).toBe(false);
    expect(await sessions.hasRoom({ ...other, backupServer: 'apac' }, { perOwner: 10, perServer: undefined })).toBe(
      true,
    );
  });

  it('has so many operations of a server claimed, whoever claims them at the same moment', async () => {
    const [sessions, operations] = [new RestoreSessionsRepository(database), new OperationsRepository(database)];
    const room = { perOwner: 100, perServer: undefined };
    const backupServer = 'busy';
    for (let i = 0; i < 12; i++) {
      const opened = session({ backupServer });
      await sessions.insert(opened, room);
      await operations.accept(operationIn(opened));
    }
    const [at, leaseUntil] = [new Date(), new Date(Date.now() + 60_000)];
    const claims = new OperationClaimsRepository(database);
    const limits = { queuedAfter: new Date(0), perOrganization: 100, perServer: new Map([[backupServer, 3]]) };
    const claiming = Array.from({ length: 12 }, () =>
      claims.claimNext({ replica: randomUUID(), at, leaseUntil }, limits),
    );
    const claimed = (await Promise.all(claiming)).filter((one) => one?.backupServer === backupServer);
    expect(claimed).toHaveLength(3);
  });

  describe('as the API version that is kept', () => {
    const [emea, apac] = [
      { name: 'emea', url: 'https://emea.corp:4443' },
      { name: 'apac', url: 'https://apac.corp:4443' },
    ];
    const at = (minute: number) => new Date(Date.UTC(2026, 10, 1, 9, minute));

    it('is of the name, wherever the server is, and the first that was found', async () => {
      const versions = new UpstreamServersRepository(database);
      await versions.keepApiVersion(emea, 'v7', at(0));
      await versions.keepApiVersion(emea, 'v8', at(1));
      await versions.keepApiVersion(apac, 'v6', at(0));
      expect(await versions.findApiVersion(emea)).toBe('v7');
      const moved = { ...emea, url: 'https://emea-2.corp:4443' };
      expect(await versions.findApiVersion(moved)).toBe('v7');
      await versions.keepApiVersion(moved, 'v8', at(2));
      expect(await versions.findApiVersion(moved)).toBe('v7');
      // Two that have changed places.
      expect(await versions.findApiVersion({ ...emea, url: apac.url })).toBe('v7');
      expect(await versions.findApiVersion({ ...apac, url: emea.url })).toBe('v6');
      expect(await versions.findApiVersion({ name: 'latam', url: 'https://latam.corp:4443' })).toBeUndefined();
    });

    it('is of the URL where the name is a new one, or there was none', async () => {
      const versions = new UpstreamServersRepository(database);
      const old = { name: 'default', url: 'https://backup.corp:4443' };
      await versions.keepApiVersion(old, 'v5', at(0));
      const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
      await owner.connect();
      await owner.query(`update upstream_servers set name = null where name = 'default'`);
      await owner.end();
      expect(await versions.findApiVersion(old)).toBe('v5');
      expect(await versions.findApiVersion({ ...old, url: 'https://backup-2.corp:4443' })).toBe('v5');
      expect(await versions.findApiVersion({ ...old, name: 'renamed' })).toBe('v5');
    });
  });

  it('tells apart upstream sessions of the same id: each is claimed, put off and ended for itself', async () => {
    const former = new FormerUpstreamSessionsRepository(database);
    const id = randomUUID();
    const leftAt = new Date();
    for (const backupServer of ['emea', 'apac']) {
      const organizationName = `${backupServer}.onmicrosoft.com`;
      await former.add({ backupServer, id, organizationName, restoreSessionId: undefined, leftAt, endedAt: undefined });
    }
    const later = new Date(leftAt.getTime() + 60_000);
    const claim = (backupServer: string, of?: string) =>
      former.claim(leftAt, later, { backupServer, ...(of !== undefined && { id: of }) });
    expect(await claim('latam')).toBeUndefined();
    const onApac = await claim('apac');
    expect(onApac).toMatchObject({ backupServer: 'apac', id, organizationName: 'apac.onmicrosoft.com', attempts: 1 });
    expect(await claim('apac', id)).toBeUndefined();
    const onEmea = await claim('emea', id);
    expect(onEmea).toMatchObject({ backupServer: 'emea', organizationName: 'emea.onmicrosoft.com', attempts: 1 });
    if (onApac === undefined || onEmea === undefined) throw new Error('not claimed');
    expect(await former.end(onApac, leftAt)).toBe(true);
    await former.postpone(onEmea, leftAt);
    expect(await claim('apac')).toBeUndefined();
    expect(await claim('emea')).toMatchObject({ backupServer: 'emea', attempts: 2 });
  });

  it('counts what does not stop on the servers that are named, and lists what is left on others', async () => {
    const former = new FormerUpstreamSessionsRepository(database);
    const [leftAt, id] = [new Date(0), randomUUID()];
    const organizationName = 'contoso.onmicrosoft.com';
    for (const backupServer of ['kept', 'gone']) {
      await former.add({ backupServer, id, organizationName, restoreSessionId: undefined, leftAt, endedAt: undefined });
    }
    const gone = await former.claim(leftAt, leftAt, { backupServer: 'gone' });
    expect(await former.countTold(1, ['kept'])).toBe(0);
    expect(await former.countTold(1, ['kept', 'gone'])).toBe(1);
    await former.claim(leftAt, leftAt, { backupServer: 'kept' });
    expect(await former.countTold(1, ['kept'])).toBe(1);
    expect(await former.countTold(2, ['kept'])).toBe(0);
    const left = (...configured: string[]) => former.listLeft(['emea', 'apac', ...configured], 1);
    expect(await left('kept')).toEqual([{ backupServer: 'gone', id }]);
    if (gone === undefined) throw new Error('not claimed');
    await former.end(gone, leftAt);
    expect(await left('kept')).toEqual([]);
    expect(await left()).toEqual([{ backupServer: 'kept', id }]);
  });

  it('knows upstream sessions as those of their server only', async () => {
    const sessions = new RestoreSessionsRepository(database);
    const known = session({ backupServer: 'anz' });
    await sessions.insert(known, { perOwner: 10, perServer: undefined });
    expect(await sessions.listKnownUpstream('anz', [known.upstreamSessionId])).toEqual([known.upstreamSessionId]);
    expect(await sessions.listKnownUpstream('emea', [known.upstreamSessionId])).toEqual([]);
    expect(await sessions.isAnythingOpen('anz')).toBe(true);
    expect(await sessions.isAnythingOpen('latam')).toBe(false);
  });
});
