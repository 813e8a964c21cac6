import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso, fabrikam, people } from '../people.js';

describe('v5 catalog', () => {
  let client: SandboxClient;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn();
  });
  afterAll(() => client.close());

  const users = `/v5/Organizations/${contoso.id}/Users`;
  const namesIn = (page: { results: { name: string }[] }) => page.results.map(({ name }) => name);

  it('lists organizations as a bare array, with thirty days of backups', async () => {
    const { json } = await client.get('/v5/organizations');
    expect(json.map(({ name }: { name: string }) => name)).toEqual([contoso.name, fabrikam.name]);
    const [first, last] = [Date.parse(json[0].firstBackuptime), Date.parse(json[0].lastBackuptime)];
    expect((last - first) / 86_400_000).toBe(29);
    expect(last).toBeLessThan(Date.now());
    expect(json[0]._links.self.href).toBe(`${client.sandbox.url}/v5/organizations/${contoso.id}`);
  });

  it('finds people by a part of their login or name, and not those who left', async () => {
    expect(namesIn((await client.get(`${users}?UserName=alice`)).json)).toEqual([people.alice.login]);
    expect(namesIn((await client.get(`${users}?displayName=HANNA`)).json)).toEqual([
      'hanna.hybrid@contoso.onmicrosoft.com',
    ]);
    expect((await client.get(`${users}?username=laura`)).json.results).toEqual([]);
  });

  it('gives user ids that begin with the object id, and reaches them through any base64', async () => {
    const { results } = (await client.get(users)).json;
    expect(results[0].id).toBe(`${people.alice.objectId}00000000-0000-0000-0000-000000000000`);
    const hanna = results.find(({ displayName }: { displayName: string }) => displayName === 'Hanna Hybrid');
    expect(hanna.id).toMatch(/^.{72}.*\/.*\+.*=$|^.{72}.*\+.*\/.*=$/);
    const byId = await client.get(`${users}/${encodeURIComponent(hanna.id)}`);
    expect(byId.json.name).toBe('hanna.hybrid@contoso.onmicrosoft.com');
    const owned = await client.get(`${users}/${encodeURIComponent(hanna.id)}/OneDrives`);
    expect(owned.json.results).toHaveLength(2);
    const linked = new URL(owned.json.results[1]._links.self.href);
    expect((await client.get(linked.pathname)).json.id).toBe(owned.json.results[1].id);
  });

  it('gives nobody else a OneDrive of alice', async () => {
    const [alice, bob] = (await client.get(users)).json.results;
    const { results } = (await client.get(`${users}/${alice.id}/OneDrives`)).json;
    expect(results).toHaveLength(1);
    expect((await client.get(`${users}/${bob.id}/OneDrives/${results[0].id}`)).status).toBe(404);
    const oscar = `${people.oscar.objectId}00000000-0000-0000-0000-000000000000`;
    expect((await client.get(`${users}/${oscar}/OneDrives`)).json.results).toEqual([]);
  });

  it('lists alice and bob first, then the leaver, the empty one, the pair, the big one and the odd ones', async () => {
    const session = await client.explore(contoso.id);
    const { results } = (await client.get(`${session}/Organization/OneDrives`)).json;
    expect(namesIn({ results })).toEqual([
      'Alice',
      'Bob',
      'Laura Leaver',
      'Emil Empty',
      'Hanna Hybrid',
      'Hanna Hybrid',
      'Otto Onprem',
      'Vera Vast',
      ...['Trixie Three', 'Trixie Three', 'Trixie Three', 'Maria King', 'Maria King', 'Tom Twin', 'Tim Twin'],
    ]);
    expect(results[0].id).toMatch(/^[0-9a-f-]{72}$/);
    expect(results[0].url).toBe('https://contoso-my.sharepoint.com/personal/alice_contoso_onmicrosoft_com');
  });

  it('keeps OneDrive ids from run to run', async () => {
    const other = await SandboxClient.start();
    await other.logIn();
    const pathOf = async (one: SandboxClient) =>
      (await one.oneDrive(await one.explore(contoso.id), 'Alice')).split('/').at(-1);
    expect(await pathOf(other)).toBe(await pathOf(client));
    await other.close();
  });

  it('pages by thirty unless told, and links to the neighbours', async () => {
    client.sandbox.control.setSyntheticOneDrives(70);
    const list = `${await client.explore(contoso.id)}/Organization/OneDrives`;
    const first = (await client.get(list)).json;
    expect([first.offset, first.limit, first.results.length]).toEqual([0, 30, 30]);
    expect(first).not.toHaveProperty('totalCount');
    expect(Object.keys(first._links)).toEqual(['self', 'next']);
    const second = (await client.get(new URL(first._links.next.href).href.replace(client.sandbox.url, ''))).json;
    expect([second.offset, second.results.length]).toEqual([30, 30]);
    const last = (await client.get(`${list}?LIMIT=50&Offset=60`)).json;
    expect([last.results.length, last._links.next]).toEqual([25, undefined]);
  });

  it.each(['limit=10001', 'limit=0', 'limit=x', 'offset=-1'])('refuses %s', async (query) => {
    const reply = await client.get(`${await client.explore(contoso.id)}/Organization/OneDrives?${query}`);
    expect(reply.status).toBe(400);
    expect(reply.json).toEqual({ message: expect.any(String) });
  });

  it('browses by parent: the root by its marker, a folder by its id, everything when left out', async () => {
    const alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
    const rootFolders = (await client.get(`${alice}/Folders?parentID=null`)).json;
    expect(namesIn(rootFolders)).toEqual(['Documents', 'Pictures']);
    expect(namesIn((await client.get(`${alice}/Documents?parentId=null`)).json)).toEqual([
      'Budget 2026.csv',
      'Welcome.txt',
    ]);
    const inside = (await client.get(`${alice}/Documents?parentId=${rootFolders.results[0].id}`)).json;
    expect(namesIn(inside)).toEqual(['Plan.md']);
    expect(inside.results[0].version).toBe('3.0');
    expect(namesIn((await client.get(`${alice}/Documents`)).json)).toHaveLength(5);
    const one = await client.get(`${alice}/Documents/${inside.results[0].id}`);
    expect(one.json).toEqual(inside.results[0]);
    expect((await client.get(`${alice}/Folders/${inside.results[0].id}`)).status).toBe(404);
  });

  it('shows the state of the chosen moment', async () => {
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    const planAt = async (dateTime: string) => {
      const alice = await client.oneDrive(await client.explore(contoso.id, { dateTime }), 'Alice');
      const { results } = (await client.get(`${alice}/Documents`)).json;
      return results.find(({ name }: { name: string }) => name === 'Plan.md').version;
    };
    expect([await planAt(daysAgo(5)), await planAt(daysAgo(20))]).toEqual(['2.0', '1.0']);
  });

  it('shows deleted items only when asked to', async () => {
    const documents = async (options: object) => {
      const alice = await client.oneDrive(await client.explore(contoso.id, options), 'Alice');
      return namesIn((await client.get(`${alice}/Documents?parentId=null`)).json);
    };
    expect(await documents({})).not.toContain('Old notes.txt');
    expect(await documents({ ShowDeleted: 'True' })).toContain('Old notes.txt');
  });

  it('searches names in one OneDrive', async () => {
    const alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
    const reply = await client.post(`${alice}/Action`, { search: { query: 'PLAN' } });
    expect(namesIn(reply.json)).toEqual(['Plan.md']);
  });

  it('lists a folder of many small documents', async () => {
    client.sandbox.control.setBigOneDrive({ manySmall: 2500 });
    const vera = await client.oneDrive(await client.explore(contoso.id), 'Vera Vast');
    const [, many] = (await client.get(`${vera}/Folders`)).json.results;
    const page = (await client.get(`${vera}/Documents?parentId=${many.id}&limit=10000`)).json;
    expect(page.results).toHaveLength(2500);
  });
});
