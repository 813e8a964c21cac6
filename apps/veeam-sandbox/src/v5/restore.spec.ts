import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso, fabrikam, people } from '../people.js';

describe('v5 restore and copy', () => {
  let client: SandboxClient;
  let session: string;
  let alice: string;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    for (const { login } of [people.alice, people.bob]) rmSync(produced(login), { recursive: true, force: true });
    await client.logIn();
    session = await client.explore(contoso.id);
    alice = await client.oneDrive(session, 'Alice');
  });
  afterAll(() => client.close());

  const produced = (...path: string[]) => join(client.sandbox.productionDir, ...path);
  const served = (...path: string[]) => join(client.sandbox.filesDir, ...path);
  const restore = (members: object, item = alice) =>
    client.post(`${item}/Action`, { restoretoOriginallocation: { ...members } });
  const application = () => ({
    applicationId: client.sandbox.applicationId,
    applicationCertificate: readFileSync(client.sandbox.certificateFile).toString('base64'),
    applicationCertificatePassword: client.sandbox.certificatePassword,
  });
  const acceptedActions = () => client.sandbox.control.actions();

  it('writes the OneDrive into production and answers with counts', async () => {
    const reply = await restore({ UserName: client.account.userName, userpassword: client.account.userPassword });
    expect(reply.status).toBe(200);
    expect(reply.json).toEqual({
      totalItemsCount: 5,
      restoredItemsCount: 5,
      failedItemsCount: 0,
      skippedItemsByErrorCount: 0,
      skippedItemsByNoChangesCount: 0,
      failedRestrictionsCount: 0,
      restoreIssues: [],
    });
    const plan = join(people.alice.login, 'Documents', 'Plan.md');
    expect(readFileSync(produced(plan))).toEqual(readFileSync(served(plan)));
    expect(acceptedActions()).toMatchObject([
      { action: 'restore', state: 'finished', credentials: { kind: 'user', ...client.account }, items: [] },
    ]);
  });

  it('restores nothing twice', async () => {
    await restore(client.account);
    const again = await restore({ ...client.account, documentAction: 'Keep' });
    expect(again.json).toMatchObject({ restoredItemsCount: 0, skippedItemsByNoChangesCount: 5 });
  });

  it('keeps what differs in production and writes beside it, or overwrites it', async () => {
    await restore(client.account);
    const welcome = produced(people.alice.login, 'Welcome.txt');
    writeFileSync(welcome, 'changed meanwhile');
    const kept = await restore({ ...client.account, documentAction: 'keep' });
    expect(kept.json).toMatchObject({ restoredItemsCount: 1, skippedItemsByNoChangesCount: 4 });
    expect(readFileSync(welcome, 'utf8')).toBe('changed meanwhile');
    await restore({ ...client.account, documentAction: 'overwrite' });
    expect(readFileSync(welcome)).toEqual(readFileSync(served(people.alice.login, 'Welcome.txt')));
  });

  it('tells of every document in the events of the session', async () => {
    await restore(client.account);
    const { results } = (await client.get(`${session}/Events`)).json;
    expect(results).toHaveLength(1 + 1 + 5);
    expect(results[1]).toMatchObject({ type: 'Restore', status: 'Success', message: 'Restored 5 of 5 documents' });
  });

  it('opens the certificate with its password and knows the application', async () => {
    const fred = await client.oneDrive(await client.explore(fabrikam.id), 'Fred');
    expect((await restore(application(), fred)).json).toMatchObject({ restoredItemsCount: 5 });
    expect(acceptedActions()).toMatchObject([{ credentials: { kind: 'application', ...application() } }]);
  });

  it.each([
    ['no credentials', () => ({}), /Missing mandatory parameters: userName/],
    ['two ways at once', () => ({ ...client.account, userCode: 'C6A9DB737' }), /Only one/],
    ['a user name alone', () => ({ userName: 'admin' }), /Missing mandatory parameters: userPassword/],
    ['a wrong password', () => ({ ...client.account, userPassword: 'x' }), /AADSTS50126/],
    [
      'a broken certificate',
      () => ({ ...application(), applicationCertificate: 'MIIKE' }),
      /Invalid length for a Base-64/,
    ],
    ['a certificate that is none', () => ({ ...application(), applicationCertificate: 'MIIKEA==' }), /Cannot find/],
    [
      'a certificate in other letters',
      () => ({ ...application(), applicationCertificate: 'MI*=' }),
      /not a valid Base-64/,
    ],
    [
      'a wrong certificate password',
      () => ({ ...application(), applicationCertificatePassword: 'x' }),
      /password is not correct/,
    ],
    ['an unknown application', () => ({ ...application(), applicationId: contoso.id }), /AADSTS700016/],
    ['a code nobody issued', () => ({ userCode: 'C6A9DB737' }), /device code is not valid/],
    ['a wrong enum value', () => ({ ...client.account, documentVersion: 'first' }), /documentVersion/],
  ])('refuses %s, with a message', async (_, members, message) => {
    const reply = await restore(members());
    expect(reply.status).toBe(400);
    expect(reply.json).toEqual({ message: expect.stringMatching(message) });
    expect(acceptedActions()).toEqual([]);
    expect(existsSync(produced(people.alice.login))).toBe(false);
  });

  describe('with a device code', () => {
    const codeFor = async (path: string) => {
      const body = `{"targetApplicationId": "${client.sandbox.deviceCodeApplicationId}", }`;
      const reply = await client.post(`${path}/organization/RestoreDeviceCode`, body);
      expect(reply.json).toMatchObject({ userCode: expect.stringMatching(/^[A-Z0-9]{9}$/), expiresIn: 900 });
      return { userCode: reply.json.userCode as string };
    };

    it('works once', async () => {
      const code = await codeFor(session);
      expect((await restore(code)).status).toBe(200);
      expect((await restore(code)).status).toBe(400);
    });

    it('works in its own session only, in its time, once confirmed', async () => {
      const other = await codeFor(await client.explore(contoso.id));
      expect((await restore(other)).json.message).toMatch(/not valid/);
      const late = await codeFor(session);
      client.sandbox.control.expireDeviceCodes();
      expect((await restore(late)).json.message).toMatch(/expired/);
      client.sandbox.control.setDeviceCodes({ confirmedByDefault: false });
      const waiting = await codeFor(session);
      expect((await restore(waiting)).json.message).toMatch(/not been confirmed/);
      client.sandbox.control.confirmDeviceCode(waiting.userCode);
      expect((await restore(waiting)).status).toBe(200);
    });

    it('is not issued for another application', async () => {
      const reply = await client.post(`${session}/organization/restoreDeviceCode`, { targetApplicationId: contoso.id });
      expect(reply.status).toBe(400);
    });
  });

  it.each([
    ['two actions', { save: null, restoreToOriginalLocation: {} }],
    ['no action', { nothing: null }],
    ['an action of another resource', { explore: {} }],
    ['curly quotes', '{ “save” : null }'],
    ['an array', []],
    ['nothing', ''],
  ])('refuses %s', async (_, body) => {
    const reply = await client.post(`${alice}/Action`, body);
    expect(reply.status).toBe(400);
    expect(reply.json).toEqual({ message: expect.any(String) });
  });

  it('cannot restore to somebody who left', async () => {
    const reply = await restore(client.account, await client.oneDrive(session, 'Laura Leaver'));
    expect([reply.status, reply.json]).toEqual([500, { message: 'Failed to find users for tenant account' }]);
  });

  it('restores a folder, and documents by their ids', async () => {
    const [folder] = (await client.get(`${alice}/Folders?parentId=null`)).json.results;
    expect((await restore(client.account, `${alice}/Folders/${folder.id}`)).json).toMatchObject({ totalItemsCount: 2 });
    const documents = (await client.get(`${alice}/Documents?parentId=null`)).json.results as { id: string }[];
    const named = { ...client.account, Documents: documents.map(({ id }) => ({ Id: id })) };
    expect((await restore(named, `${alice}/Documents`)).json).toMatchObject({ restoredItemsCount: 2 });
    expect((await restore({ ...client.account }, `${alice}/Documents`)).status).toBe(400);
  });

  it('restores previous versions into the history when all are wanted', async () => {
    await restore({ ...client.account, DocumentVersion: 'ALL' });
    const history = produced('.versions', people.alice.login, 'Documents', 'Plan.md', '1.0');
    expect(readFileSync(history, 'utf8')).toContain('Hope');
  });

  it('restores several OneDrives at once', async () => {
    const oneDrives = [alice, await client.oneDrive(session, 'Bob')].map((path) => ({ id: path.split('/').at(-1) }));
    const reply = await client.post(`${session}/Organization/OneDrives/Action`, {
      restoretoOriginallocation: {
        officeUsername: client.account.userName,
        officePassword: client.account.userPassword,
        oneDrives,
      },
    });
    expect(reply.json).toMatchObject({ status: 'Success', details: [{ status: 'Success' }, { status: 'Success' }] });
    expect(existsSync(produced(people.bob.login, 'Welcome.txt'))).toBe(true);
  });

  describe('to another OneDrive', () => {
    const copy = async (members: object, target = 'Bob') => {
      const id = (await client.oneDrive(session, target)).split('/').at(-1);
      return client.post(`${alice}/Action`, { copyTo: { ...client.account, OneDrive: { id, url: 'x' }, ...members } });
    };

    it('copies into the named folder', async () => {
      const reply = await copy({ folder: 'from/alice', changedItems: 'true', restorePermissions: 'True' });
      expect(reply.json).toMatchObject({ restoredItemsCount: 5 });
      expect(readFileSync(produced(people.bob.login, 'from', 'alice', 'Welcome.txt'), 'utf8')).toContain('Alice');
      expect(acceptedActions()).toMatchObject([
        { action: 'copy', options: { target: people.bob.login, changedItems: true, restorePermissions: true } },
      ]);
    });

    it('copies deleted items when asked to', async () => {
      session = await client.explore(contoso.id, { showDeleted: true });
      alice = await client.oneDrive(session, 'Alice');
      expect((await copy({})).json).toMatchObject({ totalItemsCount: 5 });
      expect((await copy({ deletedItems: true })).json).toMatchObject({ totalItemsCount: 6, restoredItemsCount: 1 });
    });

    it('merges: the copied version becomes the current one, the replaced one history', async () => {
      await copy({});
      const welcome = produced(people.bob.login, 'Welcome.txt');
      writeFileSync(welcome, 'of bob');
      await copy({ documentLastVersionAction: 'Merge' });
      expect(readFileSync(welcome, 'utf8')).toContain('Alice');
      expect(existsSync(produced('.versions', people.bob.login, 'Welcome.txt'))).toBe(true);
    });

    it.each([
      ['without a target', { oneDrive: undefined, OneDrive: undefined }],
      ['to an unknown OneDrive', { OneDrive: { id: 'x' } }],
      ['out of the target', { folder: '../../elsewhere' }],
      [
        'with a certificate',
        { userName: undefined, userPassword: undefined, applicationId: 'x', applicationCertificate: 'x' },
      ],
    ])('does not copy %s', async (_, members) => {
      expect((await copy(members)).status).toBe(400);
      expect(acceptedActions()).toEqual([]);
    });

    it('does not copy to somebody who left, or to another organization', async () => {
      expect((await copy({}, 'Laura Leaver')).status).toBe(400);
      const fred = (await client.oneDrive(await client.explore(fabrikam.id), 'Fred')).split('/').at(-1);
      expect((await copy({ OneDrive: { id: fred } })).status).toBe(400);
    });
  });
});
