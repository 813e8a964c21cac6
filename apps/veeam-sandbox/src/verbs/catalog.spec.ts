import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso, fabrikam, people } from '../people.js';

describe('v8 catalog', () => {
  let client: SandboxClient;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn('v8');
  });
  afterAll(() => client.close());

  const users = `/v8/Organizations/${contoso.id}/Users`;
  const namesIn = (page: { results: { name: string }[] }) => page.results.map(({ name }) => name);

  it('tells about the service', async () => {
    expect((await client.get('/v8/health')).json).toMatchObject({ status: 'Healthy' });
    expect((await client.get('/v8/ServiceInstance')).json.version).toMatch(/^8\./);
  });

  it('lists organizations as a page without a total, and their backups only in the extended view', async () => {
    const { json } = await client.get('/v8/Organizations');
    expect(Object.keys(json).sort()).toEqual(['_links', 'limit', 'offset', 'results']);
    expect(namesIn(json)).toEqual([contoso.name, fabrikam.name]);
    const backups = ['isBackedup', 'firstBackuptime', 'lastBackuptime'];
    for (const name of backups) expect(json.results[0]).not.toHaveProperty([name]);
    const [extended] = (await client.get('/v8/Organizations?extendedView=True&limit=1')).json.results;
    const [first, last] = [Date.parse(extended.firstBackuptime), Date.parse(extended.lastBackuptime)];
    expect((last - first) / 86_400_000).toBe(29);
    const one = (await client.get(`/v8/Organizations/${contoso.id}?extendedView=true`)).json;
    expect(one).toEqual(extended);
    expect((await client.get(`/v8/Organizations/${contoso.id}`)).json).not.toHaveProperty('lastBackuptime');
    const ofTenant = await client.get(`/v8/Organizations?msid=${extended.msid}`);
    expect(namesIn(ofTenant.json)).toEqual([contoso.name]);
  });

  it('links below the version, without a host', async () => {
    const [organization] = (await client.get('/v8/Organizations')).json.results;
    expect(organization._links.self.href).toBe(`/v8/Organizations/${contoso.id}`);
    const linked = (await client.get(organization._links.users.href)).json;
    expect(namesIn(linked)).toContain(people.alice.login);
  });

  it.each([
    ['a part of the login', 'UserName=ALICE', [people.alice.login]],
    ['a whole display name', 'displayName=alice', [people.alice.login]],
    ['no part of a display name', 'displayName=alic', []],
    ['wildcards', 'displayName=a*%3f*', [people.alice.login, people.audrey.login]],
    ['no sign of a pattern but those', 'displayName=Ali.e', []],
    ['a place', 'locationFilter=onpremisesorhybrid', 2],
    ['nobody with a school licence', 'detectedSkuType=Education', []],
    ['a source', 'dataSource=production&displayName=Bob', [people.bob.login]],
  ])('finds people by %s', async (_, query, expected) => {
    const names = namesIn((await client.get(`${users}?${query}`)).json);
    if (typeof expected === 'number') expect(names).toHaveLength(expected);
    else expect(names).toEqual(expected);
  });

  it.each(['locationFilter=Moon', 'dataSource=Cache', 'limit=0', 'offset=-1', 'limit=10001'])(
    'refuses %s',
    async (query) => {
      const reply = await client.get(`${users}?${query}`);
      expect([reply.status, reply.json.errorCode]).toEqual([400, 'ParameterValidationFailure']);
    },
  );

  it('tells the directory id of a person, where there is one', async () => {
    const { results } = (await client.get(users)).json;
    const byName = new Map(results.map((user: { displayName: string }) => [user.displayName, user]));
    expect(byName.get('Alice')).toMatchObject({ msid: people.alice.objectId, locationType: 'Cloud' });
    expect(byName.get('Otto Onprem')).toMatchObject({ msid: null, locationType: 'OnPremises' });
    const hanna = byName.get('Hanna Hybrid') as { id: string };
    const owned = await client.get(`${users}/${encodeURIComponent(hanna.id)}/OneDrives`);
    expect(owned.json.results).toHaveLength(2);
    const self = await client.get(owned.json.results[1]._links.self.href);
    expect(self.json.id).toBe(owned.json.results[1].id);
  });

  it('gives nobody else a OneDrive of alice', async () => {
    const [alice, bob] = (await client.get(users)).json.results;
    const [owned] = (await client.get(`${users}/${alice.id}/OneDrives`)).json.results;
    const reply = await client.get(`${users}/${bob.id}/OneDrives/${owned.id}`);
    expect([reply.status, reply.json.errorCode]).toEqual([404, 'ResourceNotFound']);
  });

  it('pages through a kept collection by its id', async () => {
    client.sandbox.control.setSyntheticOneDrives(60);
    const first = (await client.get(`${users}?userName=synthetic`)).json;
    expect([first.limit, first.results.length]).toEqual([30, 30]);
    client.sandbox.control.setSyntheticOneDrives(0);
    const second = (await client.get(`${users}?userName=synthetic&setId=${first.setId}&offset=30`)).json;
    expect([second.setId, second.results.length]).toEqual([first.setId, 30]);
    expect((await client.get(first._links.next.href)).json.results).toEqual(second.results);
    const unknown = (await client.get(`${users}?userName=synthetic&setId=${contoso.id}`)).json;
    expect(unknown.results).toEqual([]);
    expect(unknown.setId).not.toBe(contoso.id);
  });

  it('browses by parent, with folders among the documents when asked', async () => {
    const alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
    const folders = (await client.get(`${alice}/Folders?parentId=root`)).json;
    expect(namesIn(folders)).toEqual(['Documents', 'Pictures']);
    const mixed = (await client.get(`${alice}/Documents?parentId=root&includeFolders=true`)).json;
    expect(mixed.results.map((item: { isFolder: boolean }) => item.isFolder)).toEqual(
      mixed.results.map(({ name }: { name: string }) => !name.includes('.')),
    );
    expect(mixed.results).toHaveLength(4);
    expect(namesIn((await client.get(`${alice}/Documents`)).json)).toHaveLength(5);
    const [folder] = folders.results;
    expect((await client.get(`${alice}/Folders/${folder.id}`)).json).toEqual(folder);
    const [plan] = (await client.get(folder._links.documents.href)).json.results;
    expect((await client.get(`${alice}/Documents/${plan.id}`)).json).toEqual(plan);
    expect((await client.get(`${alice}/Folders/${plan.id}`)).status).toBe(404);
  });

  it('lists the previous versions of a document, and the current one only by its number', async () => {
    const alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
    const { results } = (await client.get(`${alice}/Documents`)).json;
    const plan = results.find(({ name }: { name: string }) => name === 'Plan.md');
    expect([plan.version, plan.versionId]).toEqual(['3.0', 1536]);
    const versions = (await client.get(`${alice}/Documents/${plan.id}/Versions`)).json.results;
    expect(versions.map(({ version }: { version: string }) => version)).toEqual(['2.0', '1.0']);
    const read = (id: number) => client.get(`${alice}/Documents/${plan.id}/Versions/${id}`);
    expect((await read(512)).json).toEqual(versions[1]);
    expect((await read(1536)).json).toEqual(plan);
    expect((await read(7)).status).toBe(404);
  });

  it('has one version of a folder', async () => {
    const alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
    const [folder] = (await client.get(`${alice}/Folders`)).json.results;
    const path = `${alice}/Folders/${folder.id}`;
    expect((await client.get(`${path}/Versions`)).json.results).toEqual([]);
    expect((await client.get(`${path}/Versions/512`)).json).toEqual(folder);
    expect((await client.get(`${path}?versionId=512`)).json).toEqual(folder);
    expect((await client.get(`${path}?versionId=1`)).status).toBe(404);
  });

  it('searches everywhere, in one OneDrive, in a folder', async () => {
    const session = await client.explore(contoso.id);
    const alice = await client.oneDrive(session, 'Alice');
    const [folder] = (await client.get(`${alice}/Folders?parentId=root`)).json.results;
    const found = async (path: string, query: string) => namesIn((await client.post(path, { query })).json);
    expect(await found(`${session}/Organization/OneDrives/search`, 'PLAN')).toEqual(['Plan.md', 'Plan.md']);
    expect(await found(`${alice}/search`, 'plan')).toEqual(['Plan.md']);
    expect(await found(`${alice}/search?itemType=folders`, 'doc')).toEqual(['Documents']);
    expect(await found(`${alice}/Folders/${folder.id}/search`, 'welcome')).toEqual([]);
    expect(await found(`${alice}/Folders/${folder.id}/search`, 'plan')).toEqual(['Plan.md']);
  });

  it('has no Action', async () => {
    const session = await client.explore(contoso.id);
    const alice = await client.oneDrive(session, 'Alice');
    for (const path of [`${alice}/Action`, `${session}/Action`, `/v8/Organizations/${contoso.id}/Action`]) {
      const reply = await client.post(path, { save: null });
      expect([reply.status, reply.json.errorCode]).toEqual([404, 'ResourceNotFound']);
    }
    expect(client.sandbox.control.actions()).toEqual([]);
  });
});
