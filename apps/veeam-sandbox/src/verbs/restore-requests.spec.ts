import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso, people } from '../people.js';
import { stackTraceMarker } from './refusal.js';

describe('what v8 restores and copies are asked with', () => {
  let client: SandboxClient;
  let session: string;
  let alice: string;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.sandbox.control.settled();
    for (const { login } of [people.alice, people.bob]) rmSync(produced(login), { recursive: true, force: true });
    await client.logIn('v8');
    session = await client.explore(contoso.id);
    alice = await client.oneDrive(session, 'Alice');
  });
  afterAll(() => client.close());

  const produced = (...path: string[]) => join(client.sandbox.productionDir, ...path);
  const restore = (members: object = client.account, item = alice) => client.post(`${item}/restore`, members);
  /** The path of the session that a restore was answered with. */
  const begun = async (reply: ReturnType<typeof restore>): Promise<string> => {
    const { status, json } = await reply;
    expect([status, Object.keys(json)]).toEqual([200, ['sessionId']]);
    return `/v8/RestoreSessions/${json.sessionId as string}`;
  };
  const ended = async (reply: ReturnType<typeof restore>): Promise<string> => {
    const path = await begun(reply);
    await client.sandbox.control.settled();
    return path;
  };
  const statistics = async (path: string) => (await client.get(`${path}/Statistics`)).json;

  it('takes every way to log in, for a copy too, and records the region that it names', async () => {
    const application = {
      applicationId: client.sandbox.applicationId,
      applicationCertificate: readFileSync(client.sandbox.certificateFile).toString('base64'),
      applicationCertificatePassword: client.sandbox.certificatePassword,
    };
    const id = (await client.oneDrive(session, 'Bob')).split('/').at(-1);
    const members = { ...application, onedrive: { id }, folder: 'from alice', restorePermissions: false };
    const copying = await ended(client.post(`${alice}/copyTo`, { ...members, officeRegion: 'worldwide' }));
    expect(await statistics(copying)).toMatchObject({ restoredItemsCount: 5 });
    expect(existsSync(produced(people.bob.login, 'from alice', 'Welcome.txt'))).toBe(true);
    expect(client.sandbox.control.actions()).toMatchObject([
      {
        action: 'copy',
        credentials: { kind: 'application' },
        options: { target: people.bob.login, officeRegion: 'Worldwide' },
      },
    ]);
    const issued = await client.post(`${session}/organization/restoreDeviceCode`, {
      targetApplicationId: client.sandbox.deviceCodeApplicationId,
    });
    await ended(restore({ userCode: issued.json.userCode, documentAction: 'KEEP' }));
    expect(client.sandbox.control.actions()[1]).toMatchObject({ credentials: { kind: 'device-code' } });
  });

  it.each([
    ['no credentials', () => ({}), 400, /Missing mandatory parameters: userName/],
    ['two ways at once', () => ({ ...client.account, userCode: 'C6A9DB737' }), 400, /Only one/],
    ['a wrong password', () => ({ ...client.account, userPassword: 'x' }), 400, /AADSTS50126/],
    ['a wrong enum value', () => ({ ...client.account, documentAction: 'merge' }), 400, /documentAction/],
    ['a number for a text', () => ({ ...client.account, userName: 1 }), 400, /userName/],
    ['no body', () => '', 400, /object is expected/],
  ])('refuses %s before anything begins', async (_, members, status, message) => {
    const reply = await client.post(`${alice}/restore`, members());
    expect([reply.status, reply.json]).toEqual([
      status,
      {
        message: expect.stringMatching(message),
        errorCode: 'ParameterValidationFailure',
        stackTrace: expect.stringContaining(stackTraceMarker),
      },
    ]);
    expect(client.sandbox.control.actions()).toEqual([]);
    expect(client.sandbox.control.sessions()).toHaveLength(1);
  });

  it('refuses a copy whose permissions are null, and a restore to somebody who left', async () => {
    const id = alice.split('/').at(-1);
    const copy = await client.post(`${alice}/copyTo`, {
      ...client.account,
      onedrive: { id },
      restorePermissions: null,
    });
    expect(copy.status).toBe(400);
    const leaver = await restore(client.account, await client.oneDrive(session, 'Laura Leaver'));
    expect([leaver.status, leaver.json.errorCode]).toEqual([500, 'HttpError']);
  });

  it('restores a folder, documents by their ids, and a past version of one', async () => {
    const [folder] = (await client.get(`${alice}/Folders?parentId=root`)).json.results;
    const total = async (reply: ReturnType<typeof restore>) => (await statistics(await ended(reply))).totalItemsCount;
    expect(await total(restore(client.account, `${alice}/Folders/${folder.id}`))).toBe(2);
    expect(await total(restore(client.account, `${alice}/Folders/${folder.id}/Versions/512`))).toBe(2);
    expect(await total(restore({ ...client.account, folders: [{ id: folder.id }] }, `${alice}/Folders`))).toBe(2);
    const documents = (await client.get(`${alice}/Documents?parentId=root`)).json.results;
    expect(await total(restore({ ...client.account, documents }, `${alice}/Documents`))).toBe(2);
    const [plan] = (await client.get(`${alice}/Documents?parentId=${folder.id}`)).json.results;
    expect(await total(restore(client.account, `${alice}/Documents/${plan.id}/Versions/512`))).toBe(1);
    expect(readFileSync(produced(people.alice.login, 'Documents', 'Plan.md'), 'utf8')).toBe('# Plan\n\n1. Hope\n');
    expect((await restore(client.account, `${alice}/Documents/${plan.id}/Versions/9`)).status).toBe(404);
  });

  it('restores several OneDrives at once', async () => {
    const oneDrives = [alice, await client.oneDrive(session, 'Bob')].map((path) => ({ id: path.split('/').at(-1) }));
    const { userName, userPassword } = client.account;
    const members = { officeUsername: userName, officeUserpassword: userPassword, oneDrives };
    const restoring = await ended(client.post(`${session}/Organization/OneDrives/restore`, members));
    const counted = await statistics(restoring);
    expect(counted).toMatchObject({ totalItemsCount: 10, restoredItemsCount: 10 });
    expect(counted.items).toMatchObject([
      { itemRestoreDetailsType: 'BulkOneDrive', status: 'Success' },
      { itemRestoreDetailsType: 'BulkOneDrive', childItems: { length: 5 } },
    ]);
  });
});
