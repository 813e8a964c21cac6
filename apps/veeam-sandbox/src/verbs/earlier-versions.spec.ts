import { MailServer } from '../../spec-support/mail-server.js';
import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso } from '../people.js';

/** What v6 and v7 do otherwise than v8; what they have in common with it is in the other specs, and checked by the vendor's documents. */
describe.each(['v6', 'v7'] as const)('%s', (version) => {
  let client: SandboxClient;
  let smtp: MailServer;
  beforeAll(async () => {
    smtp = await MailServer.start();
    client = await SandboxClient.start({ smtp: { host: '127.0.0.1', port: smtp.port } });
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn(version);
  });
  afterAll(async () => {
    await client.close();
    await smtp.close();
  });

  const isV7 = version === 'v7';
  const organizations = `/${version}/Organizations`;
  const aliceIn = async (session: string) => client.oneDrive(session, 'Alice');
  const namesOf = (reply: { json: { results: { name: string }[] } }) => reply.json.results.map(({ name }) => name);

  it('lists organizations as a bare array, with the times of backups unasked or asked for', async () => {
    const backups = ['isBackedup', 'firstBackuptime', 'lastBackuptime'];
    const plain = (await client.get(`${organizations}?limit=1`)).json as object[];
    expect(plain).toHaveLength(2);
    expect(Object.keys(plain[0] ?? {}).filter((name) => backups.includes(name))).toEqual(isV7 ? [] : backups);
    for (const asked of [true, false]) {
      const [one] = (await client.get(`${organizations}?extendedView=${asked}`)).json as object[];
      expect(Object.keys(one ?? {}).filter((name) => backups.includes(name))).toEqual(asked ? backups : []);
    }
    expect(Object.keys(plain[0] ?? {})).not.toContain('msid');
    expect(Object.keys(plain[0] ?? {}).includes('description')).toBe(isV7);
  });

  it('tells in pages how many there are in all', async () => {
    const { json } = await client.get(`${organizations}/${contoso.id}/Users?limit=2`);
    expect(json.results).toHaveLength(2);
    expect(json.totalCount).toBeGreaterThan(10);
    expect(json.setId).toEqual(expect.any(String));
  });

  it('has no directory id of people, and no wildcards in their names', async () => {
    const users = `${organizations}/${contoso.id}/Users`;
    const [alice] = (await client.get(`${users}?userName=alice`)).json.results;
    expect(Object.keys(alice as object)).not.toContain('msid');
    expect(alice.id).toMatch(/^[0-9a-f-]{72}$/);
    expect(namesOf(await client.get(`${users}?displayName=Ali*`))).toEqual([]);
    expect(namesOf(await client.get(`${users}?displayName=alice`))).toEqual([alice.name]);
    const [otto] = (await client.get(`${users}?userName=otto`)).json.results;
    expect(Object.keys(otto as object).includes('onPremisesSid')).toBe(isV7);
  });

  it('opens and stops a session with 200, and has no statistics of it', async () => {
    const opened = await client.post(`${organizations}/${contoso.id}/explore`, { type: 'Veod' });
    expect(opened.status).toBe(200);
    const session = `/${version}/RestoreSessions/${opened.json.id}`;
    expect((await client.get(`${session}/Statistics`)).status).toBe(404);
    expect((await client.send('POST', `${session}/Stop`)).status).toBe(200);
    expect((await client.get(session)).json.state).toBe('Stopped');
    expect((await client.get(`/${version}/Health`)).status).toBe(404);
  });

  it('lists sessions newest first, in whatever order is asked for, and filters them by their start', async () => {
    const ids: string[] = [];
    for (let n = 1; n <= 2; n++) ids.push((await client.explore(contoso.id)).split('/').at(-1) ?? '');
    const list = async (query: string) =>
      ((await client.get(`/${version}/RestoreSessions?${query}`)).json.results as { id: string }[]).map(({ id }) => id);
    expect(await list('orderAsc=true&endTimeTo=2001-01-01T00:00:00Z')).toEqual(ids.toReversed());
    expect(await list('startTimeFrom=2099-01-01T00:00:00Z')).toEqual([]);
  });

  it('mixes folders into documents from v7 on, and when asked for', async () => {
    const root = isV7 ? 'root' : 'null';
    const documents = `${await aliceIn(await client.explore(contoso.id))}/Documents?parentId=${root}&limit=100`;
    const kinds = async (query: string) => {
      const { results } = (await client.get(documents + query)).json as { results: object[] };
      return new Set(results.map((item) => ('isFolder' in item ? item.isFolder : 'not said')));
    };
    expect(await kinds('')).toEqual(new Set([isV7 ? false : 'not said']));
    expect(await kinds('&includeFolders=true')).toEqual(new Set<unknown>(isV7 ? [true, false] : ['not said']));
  });

  it('answers a restore when it has ended, with the counts of it', async () => {
    const alice = await aliceIn(await client.explore(contoso.id));
    const hold = client.sandbox.control.hold({ action: 'restore' }, 'item');
    let isAnswered = false;
    const restored = client.post(`${alice}/restore`, { ...client.account, documentAction: 'Overwrite' });
    void restored.then(() => (isAnswered = true));
    await hold.reached;
    expect(isAnswered).toBe(false);
    hold.release();
    const { status, json } = await restored;
    expect(status).toBe(200);
    expect(json).toMatchObject({
      failedItemsCount: 0,
      skippedItemsByErrorCount: 0,
      failedRestrictionsCount: 0,
      restoreIssues: [],
    });
    expect(json.restoredItemsCount).toBe(json.totalItemsCount);
    expect(json.totalItemsCount).toBeGreaterThan(0);
    expect(client.sandbox.control.sessions().map(({ kind }) => kind)).toEqual(['explore']);
  });

  it('tells of what failed in a restore, and of nothing where the answer is empty', async () => {
    const alice = await aliceIn(await client.explore(contoso.id));
    const { control } = client.sandbox;
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 2 } });
    const { json } = await client.post(`${alice}/restore`, { ...client.account, documentAction: 'Overwrite' });
    expect(json.failedItemsCount).toBe(2);
    expect(json.restoreIssues).toHaveLength(2);
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', breaksOff: 'It broke.' } });
    const broken = await client.post(`${alice}/restore`, { ...client.account, documentAction: 'Overwrite' });
    expect({ status: broken.status, message: broken.json.message as string }).toEqual({
      status: 500,
      message: 'It broke.',
    });
  });

  it('restores several OneDrives, with a result of each', async () => {
    const session = await client.explore(contoso.id);
    const idOf = async (name: string) => (await client.oneDrive(session, name)).split('/').at(-1);
    const { userName, userPassword } = client.account;
    const { json } = await client.post(`${session}/Organization/OneDrives/restore`, {
      officeUsername: userName,
      officeUserpassword: userPassword,
      oneDrives: [{ id: await idOf('Alice') }, { id: await idOf('Laura Leaver') }],
      skipUnresolved: true,
    });
    expect(json).toMatchObject({ status: 'Warning', details: [{ status: 'Success', oneDrive: { name: 'Alice' } }] });
  });

  it('copies, and takes a null where v8 does not', async () => {
    const session = await client.explore(contoso.id);
    const [alice, bob] = [await aliceIn(session), await client.oneDrive(session, 'Bob')];
    const copied = await client.post(`${alice}/copyTo`, {
      ...client.account,
      onedrive: { id: bob.split('/').at(-1) },
      folder: 'Copied',
      documentVersion: 'All',
      restorePermissions: null,
    });
    expect(copied.status).toBe(200);
    expect(copied.json.restoredItemsCount).toBeGreaterThan(0);
    expect(client.sandbox.control.actions()).toMatchObject([{ action: 'copy', state: 'finished' }]);
  });

  it('sends and sets up mail with 200', async () => {
    const alice = await aliceIn(await client.explore(contoso.id));
    const before = smtp.mails.length;
    const sent = await client.post(`${alice}/send`, {
      from: 'a@x.example',
      to: 'b@x.example',
      subject: 's',
      text: 't',
    });
    expect([sent.status, sent.text]).toEqual([200, '']);
    expect(smtp.mails).toHaveLength(before + 1);
    const settings = `/${version}/VeodEmailSettings`;
    expect((await client.post(settings, { from: 'other@x.example' }, 'PUT')).status).toBe(200);
    const { json } = await client.get(settings);
    expect(json).toMatchObject({ from: 'other@x.example', server: '127.0.0.1' });
    expect(Object.keys(json as object)).not.toContain('authenticationType');
  });

  it('refuses with a message, without a code that tells anything', async () => {
    const { status, json } = await client.get(`/${version}/RestoreSessions/00000000-0000-4000-8000-000000000000`);
    expect(status).toBe(404);
    expect(json).toEqual({ message: expect.any(String), ...(isV7 && { errorCode: null }) });
  });

  it('knows past versions of a document and whether a device code was confirmed, and no Action', async () => {
    const session = await client.explore(contoso.id);
    const alice = await aliceIn(session);
    const { results } = (await client.get(`${alice}/Documents?limit=1000`)).json as {
      results: { id: string }[];
    };
    const counts = await Promise.all(
      results.map(async ({ id }) => (await client.get(`${alice}/Documents/${id}/Versions`)).json.totalCount as number),
    );
    expect(Math.max(...counts)).toBeGreaterThan(0);
    const checked = await client.post(`/${version}/DeviceCode/check`, { userCode: 'AAAAAAAAA' });
    expect(checked.json).toEqual({ authenticated: false });
    expect((await client.post(`${alice}/Action`, { save: null })).status).toBe(404);
  });

  it('wants an antiforgery pair from v7 on unless that is switched off, and has a logout from then on', async () => {
    const { username, password } = client.sandbox;
    const login = await client.form(`/${version}/token`, { grant_type: 'password', username, password });
    expect(login.headers['set-cookie'] === undefined).toBe(!isV7);
    const authorization = `Bearer ${login.json.access_token}`;
    expect((await client.send('GET', organizations, undefined, { authorization })).status).toBe(isV7 ? 401 : 200);
    expect((await client.send('POST', `/${version}/token/logout`)).status).toBe(isV7 ? 200 : 404);
    expect((await client.get(organizations)).status).toBe(isV7 ? 401 : 200);
    expect((await client.send('GET', '/v8/Organizations', undefined, { authorization })).status).toBe(401);
  });
});
