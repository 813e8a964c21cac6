import { SandboxClient, unzip, type Reply } from '../spec-support/sandbox-client.js';
import { contoso, people } from './people.js';
import { versionNames, type VersionName } from './veeam-sandbox.options.js';
import { verbVersions } from './verbs/verb-version.js';

/* Requests as they are sent in the wild: by the vendor's pages, by the self-service portal in PHP, by a client in C#. */

interface Setting {
  client: SandboxClient;
  session: string;
  alice: string;
  documents: { id: string; name: string }[];
  folders: { id: string; name: string }[];
}

async function set(client: SandboxClient, version: VersionName, options: object = {}): Promise<Setting> {
  client.sandbox.control.reset();
  await client.logIn(version);
  const session = await client.explore(contoso.id, options);
  const alice = await client.oneDrive(session, 'Alice');
  const root = version === 'v5' || version === 'v6' ? 'null' : 'root';
  const [documents, folders] = [
    (await client.get(`${alice}/Documents?parentId=${root}`)).json.results,
    (await client.get(`${alice}/Folders?parentId=${root}`)).json.results,
  ];
  return { client, session, alice, documents, folders };
}

const accepted = ({ client }: Setting) => client.sandbox.control.actions();
const namesIn = (reply: Reply) => (reply.json.results as { name: string }[]).map(({ name }) => name);

describe('v5 takes', () => {
  let shared: SandboxClient;
  let setting: Setting;
  beforeAll(async () => {
    shared = await SandboxClient.start();
  });
  beforeEach(async () => {
    setting = await set(shared, 'v5');
  });
  afterAll(() => shared.close());

  const send = (path: string, body: string) => shared.post(path, body);
  const login = () => ({ user: shared.account.userName, password: shared.account.userPassword });

  it.each([
    ['the page', '{"explore": {"datetime": "2099-01-02 03:04:05.678", "type": "veod", "showDeleted": true}}'],
    [
      'the portal',
      '{"explore": {"datetime": "2099.01.02 03:04", "type": "veod", "ShowDeleted": "true", "ShowAllVersions": "true"}}',
    ],
    [
      'the C# client',
      '{"explore": {"DateTime": "2099-01-02T03:04:05", "Type": "Veod", "ShowDeleted": "True", "ShowAllVersions": "False"}}',
    ],
  ])('the explore of %s, and does what it asks for', async (_, body) => {
    const opened = await send(`/v5/organizations/${contoso.id}/action`, body);
    expect(opened.status).toBe(201);
    const alice = await shared.oneDrive(`/v5/restoresessions/${opened.json.id}`, 'Alice');
    expect(namesIn(await shared.get(`${alice}/documents?parentID=null`))).toContain('Old notes.txt');
  });

  it.each<[string, (user: string, password: string) => string]>([
    [
      'the page',
      (user, password) =>
        `{ "restoreToOriginalLocation" : { "username" : "${user}", "userpassword" : "${password}", "DocumentVersion" : "last", "documentAction" : "keep" } }`,
    ],
    [
      'the reprint',
      (user, password) =>
        `{"restoretoOriginallocation": {"userName": "${user}", "userPassword": "${password}", "documentVersion": "last", "documentAction": "keep"}}`,
    ],
    [
      'the portal',
      (user, password) =>
        `{"restoretoOriginallocation": {"userName": "${user}", "userPassword": "${password}", "DocumentVersion": "last", "DocumentAction": "keep"}}`,
    ],
    [
      'shouting',
      (user, password) =>
        `{"RESTORETOORIGINALLOCATION": {"USERNAME": "${user}", "USERPASSWORD": "${password}", "DOCUMENTVERSION": "LAST", "DOCUMENTACTION": "KEEP"}}`,
    ],
  ])('the restore of %s', async (_, body) => {
    const { user, password } = login();
    const reply = await send(`${setting.alice.toLowerCase()}/ACTION`, body(user, password));
    expect([reply.status, reply.json.totalItemsCount]).toEqual([200, 5]);
    expect(accepted(setting)).toMatchObject([{ options: { documentVersion: 'last', documentAction: 'keep' } }]);
  });

  it("the portal's lists of ids, whose ends have a comma too many", async () => {
    const { alice, documents, folders } = setting;
    const { user, password } = login();
    const rest = `"userName": "${user}", "userPassword": "${password}", "DocumentVersion": "last", "DocumentAction": "keep", `;
    const elements = (items: { id: string }[], name: string) =>
      items.map(({ id }) => `{ "${name}": "${id}" }, `).join('');
    const list = (what: string, name: string, items: { id: string }[]) => `"${what}": [ ${elements(items, name)} ]`;
    for (const [what, name, items, total] of [
      ['Documents', 'Id', documents, 2],
      ['folders', 'id', folders, 3],
    ] as const) {
      const body = `{ "restoretoOriginallocation": { ${rest} ${list(what, name, items)}, }, }`;
      expect((await send(`${alice}/${what}/Action`, body)).json).toMatchObject({ totalItemsCount: total });
    }
    const zip = await send(
      `${alice}/Documents/Action`,
      `{ "save": { "asZip": "true", ${list('Documents', 'Id', documents)} } }`,
    );
    expect((await unzip(zip.bytes)).size).toBe(2);
  });

  it.each([
    ['the page', '{ "save": null }'],
    ['the portal', '{"save": {"asZip": "true"}}'],
    ['the C# client', '{"save": {"AsZip": "True"}}'],
  ])('the download of a OneDrive by %s', async (_, body) => {
    const reply = await send(`${setting.alice.toLowerCase()}/action`, body);
    expect((await unzip(reply.bytes)).size).toBe(5);
  });

  it("the page's target of a copy, whole, of which the id counts", async () => {
    const { session, alice } = setting;
    const { user, password } = login();
    const id = (await shared.oneDrive(session, 'Bob')).split('/').at(-1) ?? '';
    const href = `https://backup.example:4443/v5/organizations/${contoso.id}/users/x/onedrives/${id}`;
    const target = {
      id,
      name: 'Bob',
      url: 'https://contoso-my.sharepoint.com/personal/bob',
      _links: { self: { href } },
    };
    const body = `{ "copyTo" : { "username" : "${user}", "userpassword" : "${password}", "DocumentVersion" : "last", "documentLastVersionAction" : "Merge", "folder" : "newFolder", "OneDrive" : ${JSON.stringify(target)} , "changedItems" : "True", "deletedItems" : "false", "restorePermissions" : true } }`;
    expect((await send(`${alice}/Action`, body)).status).toBe(200);
    expect(accepted(setting)).toMatchObject([
      {
        action: 'copy',
        options: {
          documentLastVersionAction: 'merge',
          changedItems: true,
          deletedItems: false,
          target: people.bob.login,
        },
      },
    ]);
  });

  it('no other word for a boolean', async () => {
    const reply = await send(
      `${setting.alice}/Documents/${setting.documents[0]?.id}/Action`,
      '{"save": {"asZip": "yes"}}',
    );
    expect([reply.status, reply.json.message]).toEqual([400, expect.stringContaining('asZip')]);
  });
});

describe.each(verbVersions)('%s takes', (version) => {
  let shared: SandboxClient;
  let setting: Setting;
  beforeAll(async () => {
    shared = await SandboxClient.start();
  });
  beforeEach(async () => {
    setting = await set(shared, version);
  });
  afterAll(() => shared.close());

  const isFollowed = version === 'v8';

  it('paths, names and values in any case', async () => {
    const { userName, userPassword } = shared.account;
    const [document] = setting.documents;
    const path = `${setting.alice}/DOCUMENTS/${document?.id}/RESTORE`.replace('RestoreSessions', 'restoresessions');
    const reply = await shared.post(path, { USERNAME: userName, userpassword: userPassword, DocumentAction: 'KEEP' });
    expect(reply.status).toBe(200);
    expect(accepted(setting)).toMatchObject([{ action: 'restore', options: { documentAction: 'keep' } }]);
    const opened = await shared.post(`/${version.toUpperCase()}/organizations/${contoso.id}/EXPLORE`, {
      DATETIME: '2099-01-02T03:04:05Z',
      Type: 'VEOD',
      showdeleted: true,
    });
    const alice = await shared.oneDrive(`/${version}/RestoreSessions/${opened.json.id}`, 'Alice');
    const root = version === 'v6' ? 'NULL' : 'ROOT';
    expect(namesIn(await shared.get(`${alice}/documents?PARENTID=${root}&LIMIT=10`))).toContain('Old notes.txt');
  });

  it.each(['documents', 'folders'] as const)('elements of %s that are ids alone, in every verb', async (kind) => {
    const { session, alice } = setting;
    const elements = setting[kind].map(({ id }) => ({ id }));
    const bob = (await shared.oneDrive(session, 'Bob')).split('/').at(-1);
    shared.sandbox.control.setEmail('veod', { enableNotification: true, smtpServer: '127.0.0.1', port: 1 });
    const act = (verb: string, members: object) =>
      shared.post(`${alice}/${kind}/${verb}`, { ...members, [kind]: elements });
    const statuses = [
      (await act('restore', shared.account)).status,
      (await act('copyTo', { ...shared.account, onedrive: { id: bob } })).status,
      (await act('save', {})).status,
    ];
    expect(statuses).toEqual([200, 200, 200]);
    // As far as the mail server, which is none.
    expect((await act('send', { to: 'x@contoso.onmicrosoft.com' })).json.message).toMatch(/Failed to send email/);
    await shared.sandbox.control.settled();
    const names = setting[kind].map(({ name }) => name);
    expect(accepted(setting).map(({ action, items }) => [action, items])).toEqual(
      ['restore', 'copy', 'save', 'send'].map((action) => [action, names]),
    );
  });

  it('elements as they were listed, several OneDrives by their ids, and members that nobody knows', async () => {
    const { session, alice, documents } = setting;
    const listed = await shared.post(`${alice}/Documents/save`, { documents, asZip: true, unheardOf: { of: [1] } });
    expect((await unzip(listed.bytes)).size).toBe(2);
    const [one, other] = [alice, await shared.oneDrive(session, 'Bob')].map((path) => ({ id: path.split('/').at(-1) }));
    const reply = await shared.post(`${session}/Organization/OneDrives/restore`, {
      officeUsername: shared.account.userName,
      officeUserpassword: shared.account.userPassword,
      oneDrives: [one, other],
      unheardOf: null,
    });
    await shared.sandbox.control.settled();
    expect(reply.json).toMatchObject(isFollowed ? { sessionId: expect.any(String) } : { status: 'Success' });
    expect(accepted(setting)[1]).toMatchObject({ action: 'restore', items: [people.alice.login, people.bob.login] });
  });

  it.each<[string, (setting: Setting) => string]>([
    ['text for a boolean', ({ documents }) => JSON.stringify({ documents, asZip: 'true' })],
    ['comma at the end of a list', ({ documents }) => `{"documents": [{"id": "${documents[0]?.id}"}, ]}`],
    ['comma at the end of an object', ({ documents }) => `{"documents": [{"id": "${documents[0]?.id}"}], }`],
    ['curly quotes', ({ documents }) => `{“documents”: [{“id”: “${documents[0]?.id}”}]}`],
    ['elements without an id', () => '{"documents": [{"name": "Welcome.txt"}]}'],
  ])('no %s', async (_, body) => {
    const reply = await shared.post(`${setting.alice}/Documents/save`, body(setting));
    expect(reply.status).toBe(400);
    expect(accepted(setting)).toEqual([]);
  });
});

describe.each(versionNames)('%s', (version) => {
  let client: SandboxClient;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  afterAll(() => client.close());

  it('answers in JSON whatever is accepted, as the portal asks', async () => {
    await set(client, version);
    for (const accept of ['application/json-stream', 'application/octet-stream', 'text/html']) {
      const reply = await client.send('GET', `/${version}/Organizations`, undefined, { accept });
      expect([reply.status, reply.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    }
  });

  it('knows its own word for the root in any case, and not that of other versions', async () => {
    const { alice } = await set(client, version);
    const words = [
      ['null', 'NULL'],
      ['root', 'Root'],
    ];
    const [own = [], others = []] = version === 'v5' || version === 'v6' ? words : words.toReversed();
    for (const items of ['Folders', 'Documents']) {
      for (const root of own) {
        expect(namesIn(await client.get(`${alice}/${items}?parentId=${root}`))).not.toEqual([]);
      }
      for (const root of others) {
        expect((await client.get(`${alice}/${items}?parentId=${root}`)).status).toBe(404);
      }
    }
    expect(namesIn(await client.get(`${alice}/Folders?parentId=${own[0]}`))).toEqual(['Documents', 'Pictures']);
  });

  it('takes a boolean of a login as text, in a form', async () => {
    const { username, password } = client.sandbox;
    for (const flag of ['true', 'True']) {
      const fields = {
        grant_type: 'PASSWORD',
        UserName: username,
        Password: password,
        disable_antiforgery_token: flag,
      };
      const reply = await client.form(`/${version}/Token`, fields);
      expect([reply.status, reply.headers['set-cookie']]).toEqual([200, undefined]);
    }
  });
});
