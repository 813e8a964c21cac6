import { MailServer } from '../../spec-support/mail-server.js';
import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { VendorDocument } from '../../spec-support/vendor-document.js';
import { contoso } from '../people.js';
import { verbVersions } from './verb-version.js';
import { v6, v7, v8 } from './verbs.js';

/** Every answer that a spec gets from these versions is checked by its client; here the checking is. */
describe.each([v6, v7, v8])('the vendor document of $name', ({ name, routes }) => {
  const version = verbVersions.find((known) => known === name) ?? 'v8';
  const document = VendorDocument.of(version);
  const itWhenHere = document.isHere ? it : it.skip;
  if (!document.isHere) process.stdout.write(`${document.summary}\n`);

  it('has every operation that is served', () => {
    const unknown = routes.filter(({ method, pattern }) => !document.knows(method, pattern));
    expect(unknown.map(({ method, pattern }) => `${method} ${pattern}`)).toEqual([]);
  });

  itWhenHere('finds nothing in an answer of any operation that is served', async () => {
    const smtp = await MailServer.start();
    const client = await SandboxClient.start({ smtp: { host: '127.0.0.1', port: smtp.port } });
    await client.logIn(version);
    const params = await paramsOf(client);
    const members = membersOf(client, params);
    const { username, password } = client.sandbox;
    const special: Readonly<Record<string, object>> = {
      token: { grant_type: 'password', username, password },
      'DeviceCode/check': { userCode: 'C6A9DB737' },
    };
    const last = ['Stop', 'logout'];
    const order = (pattern: string) => last.findIndex((end) => pattern.endsWith(end));
    const inOrder = routes.toSorted((a, b) => order(a.pattern) - order(b.pattern));
    for (const { method, pattern } of inOrder) {
      const filled = pattern.replace(/{(\w+)}/g, (__, name: string) => encodeURIComponent(params[name] ?? ''));
      const body = method === 'GET' ? undefined : JSON.stringify(special[pattern] ?? members);
      const reply = await client.send(method, `/${version}/${filled}`, body, { 'content-type': 'application/json' });
      expect([method, pattern, reply.status < 300]).toEqual([method, pattern, true]);
    }
    expect(client.checkedOperations(version)).toBe(routes.length);
    await client.close();
    await smtp.close();
  });

  /** Of what is really there. */
  async function paramsOf(client: SandboxClient): Promise<Record<string, string>> {
    const opened = await client.explore(contoso.id);
    const alice = await client.oneDrive(opened, 'Alice');
    const first = async (list: string) => (await client.get(list)).json.results[0].id as string;
    const oneDriveId = alice.split('/').at(-1) ?? '';
    return {
      organizationId: contoso.id,
      userId: await first(`/${version}/Organizations/${contoso.id}/Users`),
      onedriveId: oneDriveId,
      oneDriveId,
      restoreSessionId: opened.split('/').at(-1) ?? '',
      eventId: await first(`${opened}/Events`),
      folderId: await first(`${alice}/Folders`),
      documentId: await first(`${alice}/Documents?parentId=${version === 'v6' ? 'null' : 'root'}`),
      versionId: '512',
    };
  }

  /** Whatever any operation asks for; each passes over the rest. */
  function membersOf(client: SandboxClient, params: Record<string, string>): object {
    const { userName, userPassword } = client.account;
    return {
      userName,
      userPassword,
      officeUsername: userName,
      officeUserpassword: userPassword,
      oneDrive: { id: params.oneDriveId },
      oneDrives: [{ id: params.oneDriveId }],
      folders: [{ id: params.folderId }],
      documents: [{ id: params.documentId }],
      query: 'a',
      to: 'x@contoso.onmicrosoft.com',
      email: 'x@contoso.onmicrosoft.com',
      targetApplicationId: client.sandbox.deviceCodeApplicationId,
    };
  }
});

describe('the check of answers', () => {
  const document = VendorDocument.of('v8');
  const itWhenHere = document.isHere ? it : it.skip;

  const answered = { method: 'GET', status: 200, contentType: 'application/json; charset=utf-8', size: 1 };
  const session = {
    id: contoso.id,
    type: 'Veod',
    creationTime: '2026-01-02T03:04:05.0000000+00:00',
    state: 'Working',
    result: 'Success',
  };
  const path = `/v8/RestoreSessions/${contoso.id}`;

  itWhenHere('finds nothing in an answer as documented', () => {
    expect(document.check({ ...answered, path, json: session })).toEqual([]);
    const statistics = { totalItemsCount: 1, restoredItemsCount: 1, failedItemsCount: 0, skippedItemsCount: 0 };
    const item = { id: 'x', itemRestoreDetailsType: 'Item', name: 'x', itemType: 'OneDriveItem', status: 'Success' };
    const one = (items: object[]) => ({ ...answered, path: `${path}/Statistics`, json: { ...statistics, items } });
    expect(document.check(one([item]))).toEqual([]);
    expect(document.check(one([{ ...item, childItems: [] }]))).toHaveLength(1);
    expect(document.check(one([{ ...item, itemRestoreDetailsType: 'BulkOneDrive' }]))).not.toEqual([]);
  });

  itWhenHere.each([
    ['a missing member', { json: { ...session, id: undefined } }, /\.id: missing/],
    ['a misspelt member', { json: { ...session, State: 'Working' } }, /\.State: not in the schema/],
    ['another case of an enumeration', { json: { ...session, state: 'working' } }, /enumeration/],
    ['a null', { json: { ...session, name: null } }, /null/],
    ['an id that is none', { json: { ...session, id: '12' } }, /not uuid/],
    ['a time without a zone', { json: { ...session, creationTime: '2026-01-02T03:04:05' } }, /not date-time/],
    ['a number as text', { json: { ...session, eTag: '1' } }, /not int64/],
    ['another status', { status: 202, json: session }, /202/],
    ['no body', { json: undefined, size: 0 }, /not an object/],
    ['a body of a 204', { method: 'POST', path: `${path}/Stop`, status: 204, json: {}, size: 2 }, /body/],
    ['a failure of another shape', { status: 500, json: { error: 'x' } }, /not in the schema/],
    ['a route that is not there', { path: '/v8/Nonsense', json: {} }, /unknown/],
  ])('finds %s', (_name, departing, message) => {
    expect(document.check({ ...answered, path, ...departing }).join('\n')).toMatch(message);
  });

  itWhenHere('stops a spec whose sandbox departs from it', async () => {
    const client = await SandboxClient.start();
    await client.logIn('v8');
    client.sandbox.control.addFault({
      match: { route: 'Organizations', version: 'v8' },
      fault: { kind: 'answer', status: 200, body: [{ name: contoso.name }] },
    });
    await expect(client.get('/v8/Organizations')).rejects.toThrow(/GET \/v8\/Organizations: body: not an object/);
    expect((await client.get('/v8/Organizations')).status).toBe(200);
    await client.close();
  });
});
