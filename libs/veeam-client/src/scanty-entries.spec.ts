import { UpstreamBrokenError } from '@app/problems';
import { dialects } from './dialects/index.js';
import { clientOf, failureOf, ONEDRIVE_ID, SESSION_ID } from './testing/client-of.js';
import { makeCertificate, ok, ScriptedUpstream } from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const ORGANIZATION_ID = 'a602e179-a821-4544-b653-f4aa03b39817';
const alice = { id: 'alice-id', name: 'alice@contoso.com', displayName: 'Alice' };
const nameless = [{ id: 'nameless-1' }, { id: 'nameless-2', name: null, displayName: null }];
const unidentified = [
  { name: 'bob@contoso.com', displayName: 'Bob' },
  { id: null, name: null },
  { id: '', name: '' },
];

/** What the vendor's documents do not require of the entries of lists. */
describe.each(dialects)('a list of $version with entries that lack what they need not have', ({ version }) => {
  let upstream: ScriptedUpstream;
  let client: VeeamClient;

  beforeEach(async () => {
    upstream = await ScriptedUpstream.start(certificate);
    client = clientOf(upstream, { apiVersion: version });
  });
  afterEach(async () => {
    await client.close();
    await upstream.close();
  });

  const USERS = `/${version}/Organizations/${ORGANIZATION_ID}/Users`;
  const ONEDRIVES = `/${version}/RestoreSessions/${SESSION_ID}/Organization/OneDrives`;
  const serve = (path: string, ...results: object[]) => {
    upstream.on(`GET ${path}`, ok({ offset: 0, limit: 250, results }));
  };

  it('of users has them all, and those without a name or an id match nobody', async () => {
    serve(USERS, ...nameless, ...unidentified, alice);
    expect((await client.users.list(ORGANIZATION_ID)).map(({ id, name }) => [id, name])).toEqual([
      ['nameless-1', ''],
      ['nameless-2', ''],
      ['', 'bob@contoso.com'],
      ['', ''],
      ['', ''],
      ['alice-id', 'alice@contoso.com'],
    ]);
    const { find, findByDisplayName } = {
      find: (login: string) => client.users.find(ORGANIZATION_ID, login),
      findByDisplayName: (name: string) => client.users.findByDisplayName(ORGANIZATION_ID, name),
    };
    expect(await find('alice@contoso.com')).toMatchObject([alice]);
    expect(await findByDisplayName('Alice')).toMatchObject([alice]);
    expect([await find(''), await findByDisplayName(''), await findByDisplayName('Bob')]).toEqual([[], [], []]);
  });

  it('of users with a login is refused where one of those has no id, as the other is not the only one then', async () => {
    serve(USERS, alice, { name: 'Alice@contoso.com' });
    expect(await failureOf(client.users.find(ORGANIZATION_ID, 'alice@contoso.com'))).toBeInstanceOf(
      UpstreamBrokenError,
    );
  });

  it("of a user's OneDrives is refused where one has no id, and has those without a name", async () => {
    serve(`${USERS}/alice-id/OneDrives`, { id: '1' });
    expect(await client.users.listOneDrives(ORGANIZATION_ID, 'alice-id')).toEqual([{ id: '1', name: '', url: '' }]);
    serve(`${USERS}/alice-id/OneDrives`, { id: '1' }, { name: 'Alice' });
    const listing = client.users.listOneDrives(ORGANIZATION_ID, 'alice-id');
    expect(await failureOf(listing)).toBeInstanceOf(UpstreamBrokenError);
  });

  it('of the OneDrives of a session leaves out those without an id', async () => {
    serve(ONEDRIVES, { id: '1', name: 'Alice' }, { name: 'Bob' }, { id: null }, { id: '4', name: null });
    expect(await client.listOneDrives(SESSION_ID, { offset: 0, limit: 4 })).toEqual({
      items: [
        { id: '1', name: 'Alice', url: '' },
        { id: '4', name: '', url: '' },
      ],
      nextOffset: 4,
    });
  });

  it('is no single thing: a OneDrive without a name can be read, one without an id not', async () => {
    upstream.on(`GET ${ONEDRIVES}/${ONEDRIVE_ID}`, ok({ id: ONEDRIVE_ID }));
    expect(await client.getOneDrive(SESSION_ID, ONEDRIVE_ID)).toEqual({ id: ONEDRIVE_ID, name: '', url: '' });
    upstream.on(`GET ${ONEDRIVES}/${ONEDRIVE_ID}`, ok({ name: 'Alice' }));
    expect(await failureOf(client.getOneDrive(SESSION_ID, ONEDRIVE_ID))).toBeInstanceOf(UpstreamBrokenError);
  });

  it('of organizations leaves out those without an id or a name', async () => {
    const contoso = { id: '1', name: 'contoso.onmicrosoft.com' };
    const organizations = [{ id: null, name: 'fabrikam.onmicrosoft.com' }, { id: '3' }, { id: '4', name: '' }, contoso];
    upstream.on(
      `GET /${version}/Organizations`,
      ok(version === 'v8' ? { offset: 0, limit: 250, results: organizations } : organizations),
    );
    expect(await client.listOrganizations()).toMatchObject([contoso]);
  });
});
