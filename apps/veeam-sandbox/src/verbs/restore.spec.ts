import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { contoso, people } from '../people.js';

describe('v8 restore and copy', () => {
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
  const served = (...path: string[]) => join(client.sandbox.filesDir, ...path);
  const welcome = join(people.alice.login, 'Welcome.txt');
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
  const events = async (path: string) => (await client.get(`${path}/Events`)).json.results;
  const outcome = (fault: object) =>
    client.sandbox.control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', ...fault } });

  it('answers with a session of its own that writes into production and stops', async () => {
    const restoring = await ended(restore());
    expect(restoring).not.toBe(session);
    expect(readFileSync(produced(welcome))).toEqual(readFileSync(served(welcome)));
    expect((await client.get(restoring)).json).toMatchObject({
      state: 'Stopped',
      result: 'Success',
      endTime: expect.any(String),
    });
    expect(await statistics(restoring)).toMatchObject({
      totalItemsCount: 5,
      restoredItemsCount: 5,
      failedItemsCount: 0,
      skippedItemsCount: 0,
    });
    expect((await statistics(restoring)).items[0]).toMatchObject({
      itemRestoreDetailsType: 'Item',
      itemType: 'OneDriveItem',
      status: 'Success',
    });
    expect(await events(restoring)).toHaveLength(1 + 1 + 5);
    expect(await events(session)).toHaveLength(1);
    expect((await client.get(session)).json.state).toBe('Working');
    expect(client.sandbox.control.actions()).toMatchObject([
      { action: 'restore', version: 'v8', state: 'finished', restoreSessionId: restoring.split('/').at(-1) },
    ]);
  });

  it('holds the work at a barrier while the answer is there and the session works', async () => {
    const hold = client.sandbox.control.holdActions();
    const restoring = await begun(restore());
    await hold.reached;
    expect((await client.get(restoring)).json).toMatchObject({ state: 'Working', result: 'Success' });
    expect((await client.get(restoring)).json).not.toHaveProperty('endTime');
    expect(existsSync(produced(welcome))).toBe(false);
    expect((await client.get(`${restoring}/Organization/OneDrives`)).status).toBe(500);
    hold.release();
    await client.sandbox.control.settled();
    expect((await client.get(restoring)).json.state).toBe('Stopped');
  });

  it('holds the answer at another while the work goes on', async () => {
    const hold = client.sandbox.control.hold({ action: 'restore' }, 'done');
    let isHere = false;
    const answer = restore().finally(() => (isHere = true));
    await hold.reached;
    await client.sandbox.control.settled();
    expect([existsSync(produced(welcome)), isHere]).toEqual([true, false]);
    hold.release();
    expect((await answer).status).toBe(200);
  });

  it('goes document by document when told, with numbers and events that grow', async () => {
    const hold = client.sandbox.control.hold({ action: 'restore' }, 'item');
    const restoring = await begun(restore());
    await hold.reached;
    const progress = async () => {
      const { totalItemsCount, restoredItemsCount, items } = await statistics(restoring);
      return [totalItemsCount, restoredItemsCount, items.length, (await events(restoring)).length];
    };
    expect(await progress()).toEqual([5, 0, 0, 2]);
    hold.step();
    await hold.reachedBy(2);
    expect(await progress()).toEqual([5, 1, 0, 3]);
    hold.step(2);
    await hold.reachedBy(4);
    expect(await progress()).toEqual([5, 3, 0, 5]);
    hold.release();
    await client.sandbox.control.settled();
    expect(await progress()).toEqual([5, 5, 5, 7]);
  });

  it('ends with a warning when some fail, and fails when all do', async () => {
    outcome({ failures: 2 });
    const partial = await ended(restore());
    expect((await client.get(partial)).json.result).toBe('Warning');
    const counted = await statistics(partial);
    expect(counted).toMatchObject({
      restoredItemsCount: 3,
      failedItemsCount: 2,
      errors: [expect.any(String), expect.any(String)],
    });
    expect(counted.items[0]).toMatchObject({ status: 'Failed', error: expect.any(String) });
    outcome({ failures: 5 });
    expect((await client.get(await ended(restore()))).json.result).toBe('Failed');
  });

  it('breaks off where told, with what was done until then', async () => {
    outcome({ breaksOff: 'The proxy is gone.', breaksOffAt: 2 });
    const restoring = await ended(restore());
    expect((await client.get(restoring)).json).toMatchObject({
      state: 'Stopped',
      result: 'Failed',
      details: 'The proxy is gone.',
    });
    expect(await statistics(restoring)).toMatchObject({
      totalItemsCount: 5,
      restoredItemsCount: 2,
      errors: ['The proxy is gone.'],
    });
    expect(client.sandbox.control.actions()).toMatchObject([{ state: 'failed' }]);
    expect((await events(restoring))[1]).toMatchObject({ status: 'Failed', message: 'The proxy is gone.' });
  });

  it('counts what has not changed as skipped', async () => {
    await ended(restore());
    const again = await ended(restore());
    expect(await statistics(again)).toMatchObject({ restoredItemsCount: 0, skippedItemsCount: 5 });
    expect((await client.get(again)).json.result).toBe('Success');
  });

  it('stops before its next document when it is told to', async () => {
    const hold = client.sandbox.control.hold({ action: 'restore' }, 'item');
    const restoring = await begun(restore());
    await hold.reached;
    expect((await client.send('POST', `${restoring}/Stop`)).status).toBe(204);
    expect((await client.get(restoring)).json.state).toBe('Working');
    hold.release();
    await client.sandbox.control.settled();
    expect((await client.get(restoring)).json).toMatchObject({ state: 'Stopped', result: 'Failed' });
    expect((await events(restoring))[1]).toMatchObject({ status: 'Cancelled' });
    expect(existsSync(produced(welcome))).toBe(false);
  });

  it('goes on when the session it came out of is stopped, or its own is forgotten', async () => {
    const hold = client.sandbox.control.holdActions();
    const restoring = await begun(restore());
    await hold.reached;
    await client.send('POST', `${session}/Stop`);
    client.sandbox.control.forgetSession(restoring.split('/').at(-1) ?? '');
    expect((await client.get(restoring)).status).toBe(404);
    hold.release();
    await client.sandbox.control.settled();
    expect(existsSync(produced(welcome))).toBe(true);
  });

  it('is done, or accepted and not begun, without an answer when told', async () => {
    client.sandbox.control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'done' } });
    await expect(restore()).rejects.toThrow();
    await client.sandbox.control.settled();
    expect(client.sandbox.control.actions()).toMatchObject([{ state: 'finished' }]);
    client.sandbox.control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'running' } });
    await expect(restore()).rejects.toThrow();
    expect(client.sandbox.control.sessions().filter(({ kind }) => kind === 'restore')).toHaveLength(1);
  });

  it('meets the same faults as any version, by the same words', async () => {
    client.sandbox.control.clearReceived();
    const body = { message: 'x', errorCode: 'ProxyOffline', stackTrace: null };
    client.sandbox.control.addFault({
      match: { action: 'restore', version: 'v8' },
      fault: { kind: 'answer', status: 500, body },
    });
    client.sandbox.control.addFault({ match: { action: 'stop' }, fault: { kind: 'delay', milliseconds: 1 } });
    expect((await restore()).json).toEqual(body);
    expect((await client.send('POST', `${session}/Stop`)).status).toBe(204);
    expect(client.sandbox.control.actions()).toEqual([]);
    expect(client.sandbox.control.received()).toMatchObject([
      { action: 'restore', version: 'v8', status: 500, accepted: false, body: client.account },
      { action: 'stop', route: 'RestoreSessions/{restoreSessionId}/Stop', status: 204, accepted: true },
    ]);
  });

  it('answers without a session id when told', async () => {
    outcome({ emptyBody: true });
    const { statusCode, body } = await client.open(`${alice}/restore`, JSON.stringify(client.account));
    expect([statusCode, await body.text()]).toEqual([200, '']);
  });

  it('counts how often each action on each item was accepted', async () => {
    const hold = client.sandbox.control.holdActions();
    const bob = await client.oneDrive(session, 'Bob');
    await begun(restore());
    await begun(restore());
    await begun(restore(client.account, bob));
    expect((await restore({})).status).toBe(400);
    expect(client.sandbox.control.actionCounts()).toMatchObject([
      { action: 'restore', owner: people.alice.login, items: [], count: 2 },
      { action: 'restore', owner: people.bob.login, items: [], count: 1 },
    ]);
    hold.release();
  });
});
