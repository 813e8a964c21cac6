import { request } from 'undici';
import { SandboxClient, type JsonBody } from '../../spec-support/sandbox-client.js';
import { contoso } from '../people.js';
import type { SentAnswer } from './sent-answers.js';

describe('the control', () => {
  let client: SandboxClient;
  let alice: string;
  beforeAll(async () => {
    client = await SandboxClient.start({ bigOneDrive: { bytes: 8 * 1024 * 1024 } });
  });
  beforeEach(async () => {
    client.sandbox.control.reset();
    await client.logIn();
    alice = await client.oneDrive(await client.explore(contoso.id), 'Alice');
    client.sandbox.control.clearReceived();
  });
  afterAll(() => client.close());

  const restore = () => client.post(`${alice}/Action`, { restoreToOriginalLocation: client.account });
  const save = () => client.post(`${alice}/Action`, { save: null });
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => {
    const reply = await request(client.sandbox.controlUrl + path, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: reply.statusCode, json: (await reply.body.json()) as JsonBody };
  };

  it('tells what was received, without the token', async () => {
    await client.post(`${alice}/Action`, { save: null, stop: null });
    expect(client.sandbox.control.received()).toMatchObject([
      {
        method: 'POST',
        path: `${alice}/Action`,
        route: 'RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}/Action',
        version: 'v5',
        action: 'save',
        headers: { authorization: expect.stringMatching(/^Bearer sha256:[0-9a-f]{16}$/) },
        body: { save: null, stop: null },
        accepted: false,
        status: 400,
      },
    ]);
  });

  it('answers what it is told to, for as many requests as told', async () => {
    client.sandbox.control.addFault({
      match: { action: 'restore' },
      times: 2,
      fault: {
        kind: 'answer',
        status: 500,
        body: { message: 'The proxy is offline.' },
        headers: { 'retry-after': '3' },
      },
    });
    expect((await client.get(alice)).status).toBe(200);
    const reply = await restore();
    expect([reply.status, reply.json, reply.headers['retry-after']]).toEqual([
      500,
      { message: 'The proxy is offline.' },
      '3',
    ]);
    expect([(await restore()).status, (await restore()).status]).toEqual([500, 200]);
    expect(client.sandbox.control.actions()).toHaveLength(1);
  });

  it('tells what it answers, but not what faults do', async () => {
    const told: SentAnswer[] = [];
    client.sandbox.control.onSent((answer) => told.push(answer));
    const explored = await client.post(`/v5/Organizations/${contoso.id}/Action?a=b`, { explore: {} });
    await save();
    await client.get('/v5/Nonsense');
    await client.send('GET', '/v5/Organizations', undefined, { authorization: 'Bearer x' });
    client.sandbox.control.addFault({ fault: { kind: 'answer', status: 500, body: { message: 'x' } } });
    await client.get('/v5/Organizations');
    client.sandbox.control.addFault({ fault: { kind: 'outcome', emptyBody: true } });
    await restore();
    client.sandbox.control.onSent(() => undefined);
    expect(told).toEqual([
      {
        method: 'POST',
        path: `/v5/Organizations/${contoso.id}/Action?a=b`,
        sent: '{"explore":{}}',
        status: 201,
        contentType: 'application/json; charset=utf-8',
        json: explored.json,
        hasBody: true,
      },
      expect.objectContaining({ sent: '{"save":null}', contentType: 'application/octet-stream', hasBody: true }),
      expect.objectContaining({ path: '/v5/Nonsense', status: 404, json: { message: expect.any(String) } }),
      expect.objectContaining({ status: 401, contentType: undefined, json: undefined, hasBody: false }),
    ]);
  });

  it('holds an action that was accepted until it is released', async () => {
    const hold = client.sandbox.control.holdActions();
    const answer = restore();
    await hold.reached;
    expect(hold.waiting).toBe(1);
    expect(client.sandbox.control.actions()).toMatchObject([{ action: 'restore', state: 'running' }]);
    expect(client.sandbox.control.received().at(-1)?.status).toBeUndefined();
    hold.release();
    expect((await answer).status).toBe(200);
    expect((await restore()).status).toBe(200);
  });

  it('lets a blocked restore go on document by document', async () => {
    const hold = client.sandbox.control.hold({ action: 'restore' }, 'item');
    const answer = restore();
    await hold.reached;
    const events = async () =>
      (await client.get(`${alice.split('/Organization')[0] ?? ''}/Events`)).json.results.length as number;
    expect([hold.waiting, await events()]).toEqual([1, 2]);
    hold.step(2);
    await hold.reachedBy(3);
    expect([hold.waiting, await events()]).toEqual([1, 4]);
    hold.release();
    expect((await answer).json).toMatchObject({ totalItemsCount: 5, failedItemsCount: 0 });
  });

  it('lets so many of those to come pass as it was told before', async () => {
    const hold = client.sandbox.control.hold({ route: 'Organizations' });
    hold.step(1);
    expect((await client.get('/v5/Organizations')).status).toBe(200);
    const others = [client.get('/v5/Organizations'), client.get('/v5/Organizations')];
    await hold.reachedBy(3);
    expect(hold.waiting).toBe(2);
    hold.step();
    expect((await Promise.race(others)).status).toBe(200);
    expect(hold.waiting).toBe(1);
    hold.release();
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('makes a restore break off', async () => {
    client.sandbox.control.addFault({ fault: { kind: 'outcome', breaksOff: 'The proxy is gone.' } });
    const reply = await restore();
    expect([reply.status, reply.json]).toEqual([500, { message: 'The proxy is gone.' }]);
    expect(client.sandbox.control.actions()).toMatchObject([{ state: 'failed' }]);
  });

  it('counts those at the barrier', async () => {
    const hold = client.sandbox.control.hold({ route: 'Organizations' });
    const answers = [client.get('/v5/Organizations'), client.get('/v5/Organizations')];
    await hold.reachedBy(2);
    hold.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it.each([true, false])('cuts a download after so many bytes, chunked or not: %s', async (chunked) => {
    client.sandbox.control.addFault({
      match: { action: 'save' },
      fault: { kind: 'cut', afterBytes: 100_000, chunked },
    });
    const begun = client.sandbox.control.nextSave();
    await expect(save()).rejects.toThrow();
    const cut = await begun;
    expect(await cut.ended).toBe('cut');
    expect(cut.bytesWritten).toBe(100_000);
    expect(cut.contentLength === undefined).toBe(chunked);
  });

  it('declares more than it sends', async () => {
    client.sandbox.control.addFault({ match: { action: 'save' }, fault: { kind: 'wrong-length', difference: 10 } });
    await expect(save()).rejects.toThrow();
  });

  it('encodes an answer nobody asked to be encoded', async () => {
    client.sandbox.control.addFault({ match: { action: 'save' }, fault: { kind: 'gzip' } });
    const reply = await save();
    expect(reply.headers['content-encoding']).toBe('gzip');
    expect([...reply.bytes.subarray(0, 2)]).toEqual([0x1f, 0x8b]);
  });

  it('closes the connection before or after the work is done', async () => {
    client.sandbox.control.addFault({ match: { action: 'restore' }, fault: { kind: 'close' } });
    await expect(restore()).rejects.toThrow();
    expect(client.sandbox.control.actions()).toEqual([]);
    client.sandbox.control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'done' } });
    await expect(restore()).rejects.toThrow();
    expect(client.sandbox.control.actions()).toMatchObject([{ state: 'finished' }]);
  });

  it('never answers, and ends with the sandbox all the same', async () => {
    const other = await SandboxClient.start();
    other.sandbox.control.addFault({ fault: { kind: 'never-answer' } });
    const answer = other.get('/v5/Organizations').then(
      () => 'answered',
      () => 'broken',
    );
    while (other.sandbox.control.received().length === 0) await new Promise(setImmediate);
    expect(other.sandbox.control.openConnections()).toBe(1);
    await other.close();
    expect(await answer).toBe('broken');
  });

  it('lets the first byte of a finished answer wait', async () => {
    const hold = client.sandbox.control.hold({ action: 'save' }, 'done');
    let isHere = false;
    const answer = save().then(() => (isHere = true));
    await hold.reached;
    expect([client.sandbox.control.actions().length, isHere]).toEqual([1, false]);
    hold.release();
    await answer;
  });

  it('makes restores fail in part, do nothing, or say nothing, with 200', async () => {
    const outcome = (fault: object) =>
      client.sandbox.control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', ...fault } });
    outcome({ failures: 2 });
    const partial = await restore();
    expect(partial.json).toMatchObject({ totalItemsCount: 5, failedItemsCount: 2 });
    expect(partial.json.restoreIssues[0]).toMatchObject({ type: 'Item', error: expect.any(String) });
    outcome({ nothingRestored: true });
    expect((await restore()).json).toMatchObject({ restoredItemsCount: 0, skippedItemsByNoChangesCount: 5 });
    outcome({ emptyBody: true });
    expect([(await restore()).status, (await save()).status]).toEqual([200, 200]);
  });

  it('takes trailing commas unless told not to', async () => {
    const body = '{ "search": { "query": "plan, ]", }, }';
    expect((await client.post(`${alice}/Action`, body)).status).toBe(200);
    client.sandbox.control.setLenientJson(false);
    expect((await client.post(`${alice}/Action`, body)).status).toBe(400);
  });

  it('can be asked over HTTP', async () => {
    const { json: fault } = await call('POST', '/faults', {
      match: { route: 'token' },
      fault: { kind: 'answer', status: 503 },
    });
    expect((await call('GET', '/faults')).json).toMatchObject([{ id: fault.id, left: 1 }]);
    const { json: hold } = await call('POST', '/holds', { match: { action: 'save' }, stage: 'running' });
    const answer = save();
    expect((await call('GET', `/holds/${hold.id}/reached`)).json).toEqual({ id: hold.id, waiting: 1 });
    await call('DELETE', `/holds/${hold.id}`);
    await answer;
    expect((await call('GET', '/actions')).json).toMatchObject([
      { action: 'save', owner: 'alice@contoso.onmicrosoft.com' },
    ]);
    expect((await call('GET', '/actions/counts')).json).toMatchObject([{ action: 'save', count: 1 }]);
    const { json: stepped } = await call('POST', '/holds', { match: { action: 'restore' }, stage: 'item' });
    const restored = restore();
    await call('GET', `/holds/${stepped.id}/reached`);
    expect((await call('POST', `/holds/${stepped.id}/step`, { count: 5 })).status).toBe(200);
    expect((await restored).status).toBe(200);
    expect((await call('GET', '/settled')).status).toBe(200);
    const [session] = (await call('GET', '/sessions')).json;
    expect(session).toMatchObject({ kind: 'explore', state: 'Working', result: 'Success' });
    expect((await call('POST', '/resist-stop', { id: session.id, looks: 2 })).json).toEqual({ found: true });
    expect((await call('POST', '/resist-stop', { id: 'none' })).json).toEqual({ found: false });
    expect((await call('POST', '/fill-log', { id: session.id, lines: 3 })).json).toEqual({ found: true });
    expect((await call('POST', '/fill-log', { id: 'none', lines: 3 })).json).toEqual({ found: false });
    expect((await call('POST', '/forget-session', { id: session.id })).json).toEqual({ found: true });
    expect((await call('PUT', '/backup-times', { first: null, last: '2026-01-15T02:00:00Z' })).status).toBe(200);
    expect((await call('PUT', '/backup-times', { last: 'yesterday' })).status).toBe(400);
    expect((await call('DELETE', '/backup-times')).status).toBe(200);
    expect((await call('PUT', '/operator-authentication-only', { on: true })).status).toBe(200);
    expect((await call('GET', '/saves')).json).toMatchObject([{ state: 'finished' }]);
    expect((await call('GET', '/received')).json).toHaveLength(2);
    await call('DELETE', '/received');
    expect((await call('GET', '/received')).json).toEqual([]);
    expect((await call('GET', '/connections')).json.open).toBeGreaterThan(0);
    expect((await call('POST', '/faults', { fault: { kind: 'unheard-of' } })).status).toBe(400);
    expect((await call('GET', '/nonsense')).status).toBe(404);
    await call('POST', '/reset');
    expect((await call('GET', '/faults')).json).toEqual([]);
  });
});
