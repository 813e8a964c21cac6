import { randomUUID } from 'node:crypto';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { contoso, fabrikam } from '../apps/veeam-sandbox/src/people.js';
import { makeOrganizations } from '../apps/veeam-sandbox/src/world/organizations.js';
import { backedUp, claimsOf } from './support/backed-up.js';
import { type Answer, Caller, expectProblem, operationIdOf } from './support/caller.js';
import { dialects, type TestDialect } from './support/dialects.js';
import { until } from './support/until.js';
import { changes, requests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

type Claims = Readonly<Record<string, unknown>>;
type Route = readonly [method: string, path: string, body: unknown];

const madeUpOneDrive = `${randomUUID()}${randomUUID()}`;
const [contosoBackup] = makeOrganizations(new Date(), { oneDrives: 0 });

const alicesOneDrive = backedUp('alice@contoso.onmicrosoft.com').oneDriveIds[0] ?? '';
const bobsOneDrive = backedUp('bob@contoso.onmicrosoft.com').oneDriveIds[0] ?? '';

/** All that can be done below a session, as method, path and body. */
function routesOf(sid: string, oid: string): Route[] {
  const session = `/api/v1/restore-sessions/${sid}`;
  const v5 = `/v5/RestoreSessions/${sid}`;
  return [
    ['GET', session, undefined],
    ['DELETE', session, undefined],
    ['GET', `${session}/onedrives`, undefined],
    ...oneDriveRoutesOf(sid, oid),
    ['POST', `${session}/device-codes`, undefined],
    ['GET', v5, undefined],
    ['POST', `${v5}/Action`, { stop: null }],
    ['GET', `${v5}/Organization/OneDrives`, undefined],
    ['POST', `${v5}/organization/restoreDeviceCode`, undefined],
  ];
}

function oneDriveRoutesOf(sid: string, oid: string): Route[] {
  const oneDrive = `/api/v1/restore-sessions/${sid}/onedrives/${oid}`;
  const v5 = `/v5/RestoreSessions/${sid}/Organization/OneDrives/${oid}`;
  const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 'Your files', text: 'Here they are.' };
  return [
    ['GET', oneDrive, undefined],
    ['POST', `${oneDrive}/restore`, {}],
    ['POST', `${oneDrive}/copy`, { target: { oneDriveId: bobsOneDrive } }],
    ['POST', `${oneDrive}/send`, mail],
    ['POST', `${oneDrive}/save`, {}],
    ['GET', v5, undefined],
    ['POST', `${v5}/Action`, { restoreToOriginalLocation: {} }],
    ['POST', `${v5}/Action`, { copyTo: { oneDrive: { id: bobsOneDrive } } }],
    ['POST', `${v5}/Action`, { sendTo: mail }],
    ['POST', `${v5}/Action`, { save: null }],
  ];
}

/** For callers whom the guard stops: copy, send and device codes take an operator, whatever the item. */
const isForOperators = (path: string) => /\/(copy|send|device-codes|restoreDeviceCode)$/.test(path);

function call(caller: Caller, [method, path, body]: Route): Promise<Answer> {
  return caller.call(method, path, body === undefined ? undefined : JSON.stringify(body));
}

/** What a caller can tell apart: all of an answer but the id of the request. */
function visible({ status, headers, body }: Answer) {
  const { requestId, ...rest } = body as { requestId: string };
  expect(requestId).toBeTruthy();
  const shown = [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name));
  return { status, headers: shown, body: rest };
}

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];
let gateway: Gateway;
let alice: Caller;
let bob: Caller;
let oscar: Caller;
let alicesSession: string;
let oscarsSession: string;

beforeAll(async () => {
  neighbours = await startNeighbours();
  control = neighbours.veeam.control;
});
beforeEach(() => {
  control.clearReceived();
});
afterAll(() => neighbours.close());

/** One gateway for the tests of a block. */
function useGateway(dialect?: TestDialect): void {
  beforeAll(async () => {
    gateway = await startGateway(neighbours, {
      adjust: (configuration) => limited(configuration, { requestsPerWindow: 100_000, sessionsPerCaller: 1_000 }),
      ...(dialect && { environment: { VEEAM_API_VERSION: dialect.version } }),
    });
    [alice, bob, oscar] = [await named('alice'), await named('bob'), await named('oscar')];
    [alicesSession, oscarsSession] = [await alice.openSession(), await oscar.openSession()];
  });
  afterAll(() => gateway.close());
}

const named = (name: string) => Caller.named(name, { ...neighbours, gateway });

const bearing = async (name: string, claims: Claims) =>
  new Caller(gateway.url, await neighbours.sso.token(name, claims));

const organizationsOf = async (caller: Caller) =>
  ((await caller.get('/api/v1/organizations')).body.items as { name: string }[]).map(({ name }) => name);

const open = (caller: Caller, organizationId: string) => caller.post('/api/v1/restore-sessions', { organizationId });

const openV5 = (caller: Caller, organizationId: string) =>
  caller.post(`/v5/Organizations/${organizationId}/Action`, { explore: {} });

/** The upstream requests of one call, with the ids of sessions and OneDrives that a caller chose left out. */
async function upstreamOf(work: () => Promise<Answer>, ...ids: string[]) {
  control.clearReceived();
  const answer = await work();
  const sent = requests(control).map((request) => ids.reduce((text, id) => text.replace(id, 'ID'), request));
  return { answer: visible(answer), sent };
}

async function expectOwnsNothing(caller: Caller): Promise<void> {
  control.clearReceived();
  expect(await organizationsOf(caller)).toEqual([]);
  expect((await caller.get('/v5/Organizations')).body).toEqual([]);
  for (const { id } of [contoso, fabrikam]) {
    expectProblem(await open(caller, id), 'forbidden');
    expectProblem(await openV5(caller, id), 'forbidden');
  }
  expect(changes(control)).toEqual([]);
}

/** The ids of a listing, read a page at a time. */
async function pages(caller: Caller, path: string, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const { status, body } = await caller.get(
      `${path}?limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`,
    );
    expect(status).toBe(200);
    const page = body as { items: { id: string }[]; nextCursor?: string };
    expect(page.items.length).toBeLessThanOrEqual(limit);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}

/** First of all, while nobody has a session. */
describe('limits', () => {
  afterEach(() => gateway.close());

  it('end a session that nobody used for the idle time, upstream too', async () => {
    const clock = new ManualClock(Date.now());
    gateway = await startGateway(neighbours, {
      clock,
      adjust: (configuration) => limited(configuration, { sessionIdleMs: 6 * 60_000 }),
    });
    const alice = await named('alice');
    const [used, unused] = [await alice.openSession(), await alice.openSession()];
    const working = () => control.sessions().filter(({ state }) => state === 'Working').length;
    expect(working()).toBe(2);
    const stateOf = async (sid: string) => (await alice.get(`/api/v1/restore-sessions/${sid}`)).body.state as string;

    await clock.advance(4 * 60_000);
    expect(await alice.oneDrives(used)).toHaveLength(1);
    // The sweep asks the database and upstream, which do not stand still with the clock, and only then sets its next time.
    await until(() => working() < 2, { clock, by: 10_000 });
    expect([await stateOf(used), await stateOf(unused)]).toEqual(['open', 'stopped']);
    expectProblem(await alice.get(`/api/v1/restore-sessions/${unused}/onedrives`), 'session-stopped');
  });

  it('allow a caller so many open sessions, and more once one was stopped', async () => {
    gateway = await startGateway(neighbours, {
      adjust: (configuration) => limited(configuration, { sessionsPerCaller: 2 }),
    });
    const oscar = await named('oscar');
    const [first] = [await oscar.openSession(), await oscar.openSession()];
    control.clearReceived();
    const refused = await oscar.post('/api/v1/restore-sessions', { organizationId: contoso.id });
    expectProblem(refused, 'rate-limited');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(changes(neighbours.veeam.control)).toEqual([]);
    const helpdesk = await named('helpdesk-app');
    await helpdesk.openSession();
    await oscar.delete(`/api/v1/restore-sessions/${first}`);
    await oscar.openSession();
  });

  it('refuse requests beyond the configured number, to that caller alone', async () => {
    gateway = await startGateway(neighbours, {
      adjust: (configuration) => limited(configuration, { requestsPerWindow: 5 }),
    });
    const bob = await named('bob');
    for (let request = 1; request <= 5; request++) expect((await bob.get('/api/v1/operations')).status).toBe(200);
    control.clearReceived();
    for (const path of ['/api/v1/operations', '/api/v1/organizations', '/v5/Organizations']) {
      const refused = await bob.get(path);
      expectProblem(refused, 'rate-limited');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    expect(control.received()).toEqual([]);
    expect((await (await named('alice')).get('/api/v1/operations')).status).toBe(200);
    expect((await new Caller(gateway.url, undefined).get('/health/live')).status).toBe(200);
  });

  it('let a caller burst 200 requests by default', async () => {
    gateway = await startGateway(neighbours);
    const fred = await named('fred');
    const answers = await Promise.all(Array.from({ length: 200 }, () => fred.get('/api/v1/operations')));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });
});

describe.each(dialects)('who may act on $version', (dialect) => {
  useGateway(dialect);

  describe.each(['mallory', 'audrey'])('%s, who has no role and no OneDrive,', (name) => {
    it('sees no organization and opens no session', async () => {
      await expectOwnsNothing(await named(name));
    });
  });

  it.each(oneDriveRoutesOf('SID', 'OID'))(
    'alice cannot tell the OneDrive of bob from none: %s %s %j',
    async (method, path, body) => {
      const at = (oid: string) => [method, path.replace('SID', alicesSession).replace('OID', oid), body] as const;
      const bobs = await upstreamOf(() => call(alice, at(bobsOneDrive)), bobsOneDrive);
      const nobodys = await upstreamOf(() => call(alice, at(madeUpOneDrive)), madeUpOneDrive);
      expect(bobs).toEqual(nobodys);
      const takesOperator = isForOperators(path) || /copyTo|sendTo/.test(JSON.stringify(body ?? ''));
      expect([403, 404]).toContain(bobs.answer.status);
      if (!takesOperator) expect(bobs.answer.status).toBe(404);
      expect(changes(control)).toEqual([]);
      expect(bobs.sent.join()).not.toMatch(/RestoreSessions/i);
    },
  );

  it('alice may browse, restore and save her own, and neither copy nor send it nor ask for a device code', async () => {
    const oneDrive = `/api/v1/restore-sessions/${alicesSession}/onedrives/${alicesOneDrive}`;
    expect(await alice.oneDrives(alicesSession)).toEqual([alicesOneDrive]);
    expect(await alice.get(oneDrive)).toMatchObject({ status: 200 });
    expect(await alice.post(`${oneDrive}/restore`, {}, { prefer: 'wait=10' })).toMatchObject({ status: 200 });
    expect(await alice.post(`${oneDrive}/save`, {})).toMatchObject({ status: 200 });
    control.clearReceived();
    const forbidden = oneDriveRoutesOf(alicesSession, alicesOneDrive).filter(([, path, body]) =>
      /copy|send/i.test(path + JSON.stringify(body ?? '').replace(/subject.*/, '')),
    );
    expect(forbidden).toHaveLength(4);
    for (const route of forbidden) expectProblem(await call(alice, route), 'forbidden');
    expectProblem(await alice.post(`/api/v1/restore-sessions/${alicesSession}/device-codes`), 'forbidden');
    expectProblem(await alice.post(`/v5/RestoreSessions/${alicesSession}/organization/restoreDeviceCode`), 'forbidden');
    expect(changes(control)).toEqual([]);
  });

  it.each([
    ['fred', fabrikam, contoso],
    ['alice', contoso, fabrikam],
    ['oscar', contoso, fabrikam],
    ['helpdesk-app', contoso, fabrikam],
  ])('%s acts in %j and finds nothing in %j', async (name, own, other) => {
    const caller = await named(name);
    expect(await organizationsOf(caller)).toEqual([own.name]);
    const answer = await open(caller, other.id);
    expectProblem(answer, 'not-found');
    expect(visible(answer)).toEqual(visible(await open(caller, randomUUID())));
    expectProblem(await openV5(caller, other.id), 'not-found');
    expect(changes(control)).toEqual([]);
    expect(await open(caller, own.id)).toMatchObject({ status: 201 });
  });

  it('a service owns nothing, but operates what its role says: every OneDrive of the organization', async () => {
    const helpdesk = await named('helpdesk-app');
    const sid = await helpdesk.openSession();
    expect(await helpdesk.oneDrives(sid)).toEqual(contosoBackup?.oneDrives.map(({ id }) => id));
    const restored = await helpdesk.post(
      `/api/v1/restore-sessions/${sid}/onedrives/${bobsOneDrive}/restore`,
      {},
      { prefer: 'wait=10' },
    );
    expect(restored).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    await expectOwnsNothing(await bearing('helpdesk-app', { roles: [] }));
  });

  describe('the object id makes the owner', () => {
    const alicesOid = backedUp('alice@contoso.onmicrosoft.com').objectId;

    it.each<[string, Claims]>([
      ['another object id with the address of alice', { oid: randomUUID() }],
      ['no object id', { oid: undefined }],
      ['an object id of zeros', { oid: '00000000-0000-0000-0000-000000000000' }],
      ['an object id that is no GUID', { oid: 'alice@contoso.onmicrosoft.com' }],
    ])('so a token of alice with %s owns nothing', async (_case, claims) => {
      const caller = await bearing('alice', claims);
      await expectOwnsNothing(caller);
      // The subject is still hers, and so are the sessions: what she owned then proves nothing today.
      const listed = await caller.get(`/api/v1/restore-sessions/${alicesSession}/onedrives`);
      expect(listed.status === 403 || listed.body.items.length === 0).toBe(true);
      for (const route of oneDriveRoutesOf(alicesSession, alicesOneDrive)) {
        const answer = await call(caller, route);
        expect([403, 404]).toContain(answer.status);
      }
      expect(changes(control)).toEqual([]);
      expect(requests(control).join()).not.toMatch(/RestoreSessions/i);
    });

    it('so a token with hers and the address of bob finds nothing of bob, and asks for nothing of his', async () => {
      const caller = await bearing('bob', { oid: alicesOid });
      const sid = await bob.openSession();
      control.clearReceived();
      for (const route of oneDriveRoutesOf(sid, bobsOneDrive)) {
        const answer = await call(caller, route);
        expect([403, 404]).toContain(answer.status);
      }
      expect(await caller.oneDrives(sid)).toEqual([alicesOneDrive]);
      const asked = requests(control).join();
      expect(asked).not.toContain(bobsOneDrive);
      expect(asked).not.toContain(backedUp('bob@contoso.onmicrosoft.com').id);
    });

    it.each<[string, Claims]>([
      ['an address in another case', { email: 'Alice@CONTOSO.OnMicrosoft.com' }],
      ['an object id in another case', { oid: alicesOid?.toUpperCase() }],
      ['an address nobody verified, beside the login', { email_verified: false }],
      ['no address, but a login', { email: undefined }],
      ['neither address nor login', { email: undefined, preferred_username: undefined }],
      ['the address of bob', { email: 'bob@contoso.onmicrosoft.com' }],
      ['address and login of bob', claimsOf(backedUp('bob@contoso.onmicrosoft.com'), alicesOid)],
      ['an address that is part of hers', { email: 'lice@contoso.onmicrosoft.com' }],
      ['an address that hers is part of', { email: 'xalice@contoso.onmicrosoft.com' }],
    ])('so a token of alice with %s owns what is hers', async (_case, claims) => {
      const caller = await bearing('alice', claims);
      expect(await organizationsOf(caller)).toEqual([contoso.name]);
      expect(await caller.oneDrives(await caller.openSession())).toEqual([alicesOneDrive]);
    });

    it('so a hybrid user sees both of theirs, and may restore each', async () => {
      const hanna = backedUp('hanna.hybrid@contoso.onmicrosoft.com');
      const caller = await bearing('alice', claimsOf(hanna));
      const sid = await caller.openSession();
      expect(hanna.oneDriveIds).toHaveLength(2);
      expect(await caller.oneDrives(sid)).toEqual(hanna.oneDriveIds);
      for (const id of hanna.oneDriveIds) {
        const path = `/api/v1/restore-sessions/${sid}/onedrives/${id}`;
        expect(await caller.post(`${path}/restore`, {}, { prefer: 'wait=10' })).toMatchObject({ status: 200 });
      }
      expectProblem(await caller.get(`/api/v1/restore-sessions/${sid}/onedrives/${alicesOneDrive}`), 'not-found');
    });

    it('so somebody known on premises only owns nothing', async () => {
      const otto = backedUp('otto.onprem@contoso.onmicrosoft.com');
      await expectOwnsNothing(await bearing('alice', claimsOf({ ...otto, objectId: undefined })));
      await expectOwnsNothing(await bearing('alice', claimsOf({ ...otto, objectId: randomUUID() })));
    });

    it('so a leaver, who is in the backup alone, owns nothing', async () => {
      const laura = backedUp('laura.leaver@contoso.onmicrosoft.com');
      expect(laura.oneDriveIds).toHaveLength(1);
      await expectOwnsNothing(await bearing('alice', claimsOf(laura)));
    });
  });

  it('a copy stays within the organization', async () => {
    const elsewhere = makeOrganizations(new Date(), { oneDrives: 0 })[1]?.oneDrives[0]?.id ?? '';
    const copy = (target: object) =>
      oscar.post(`/api/v1/restore-sessions/${oscarsSession}/onedrives/${alicesOneDrive}/copy`, { target });
    const refused = await copy({ oneDriveId: elsewhere });
    expectProblem(refused, 'not-found');
    expect(visible(refused)).toEqual(visible(await copy({ oneDriveId: madeUpOneDrive })));
    expectProblem(await copy({ user: 'fred@fabrikam.onmicrosoft.com' }), 'not-found');
    expectProblem(await copy({ user: 'nobody@contoso.onmicrosoft.com' }), 'not-found');
    expectProblem(await copy({ user: 'hanna.hybrid@contoso.onmicrosoft.com' }), 'not-found');
    const v5 = `/v5/RestoreSessions/${oscarsSession}/Organization/OneDrives/${alicesOneDrive}/Action`;
    expectProblem(await oscar.post(v5, { copyTo: { oneDrive: { id: elsewhere } } }), 'not-found');
    expect(changes(control)).toEqual([]);
  });

  it('pages of OneDrives are complete and hold nothing twice', async () => {
    const all = contosoBackup?.oneDrives.map(({ id }) => id) ?? [];
    expect(all.length).toBeGreaterThan(4);
    expect(await pages(oscar, `/api/v1/restore-sessions/${oscarsSession}/onedrives`, 2)).toEqual(all);
    expect(await pages(oscar, `/api/v1/restore-sessions/${oscarsSession}/onedrives`, 3)).toEqual(all);
  });

  describe('a session', () => {
    const state = async (caller: Caller, sid: string) =>
      (await caller.get(`/api/v1/restore-sessions/${sid}`)).body.state as string;
    const upstreamStates = () => control.sessions().map((session) => session.state);

    it('that was stopped is of no more use, and stopping it again is no fault', async () => {
      const sid = await alice.openSession();
      const before = upstreamStates().filter((one) => one === 'Stopped').length;
      expect(await alice.delete(`/api/v1/restore-sessions/${sid}`)).toMatchObject({ status: 204 });
      expect(upstreamStates().filter((one) => one === 'Stopped')).toHaveLength(before + 1);
      expect(await alice.delete(`/api/v1/restore-sessions/${sid}`)).toMatchObject({ status: 204 });
      expect(await state(alice, sid)).toBe('stopped');
      control.clearReceived();
      const allowed = routesOf(sid, alicesOneDrive).filter(
        ([method, path, body]) =>
          path !== `/v5/RestoreSessions/${sid}` &&
          !isForOperators(path) &&
          method !== 'DELETE' &&
          !/copyTo|sendTo|stop/.test(JSON.stringify(body ?? '')),
      );
      for (const route of allowed.filter(([, path]) => path !== `/api/v1/restore-sessions/${sid}`)) {
        expectProblem(await call(alice, route), 'session-stopped');
      }
      expect(control.received()).toEqual([]);
      expectProblem(await bob.get(`/api/v1/restore-sessions/${sid}/onedrives`), 'not-found');
    });

    it('that died upstream and is not opened again is told to be stopped, and listed so', async () => {
      const known = new Set(control.sessions().map(({ id }) => id));
      const sid = await alice.openSession();
      const upstream = control.sessions().find(({ id }) => !known.has(id))?.id ?? '';
      expect(control.stopSession(upstream)).toBe(true);
      control.addFault({ match: { action: 'explore' }, fault: { kind: 'answer', status: 500 } });
      const path = `/api/v1/restore-sessions/${sid}`;
      expectProblem(await alice.post(`${path}/onedrives/${alicesOneDrive}/restore`, {}), 'session-stopped');
      expect(await state(alice, sid)).toBe('stopped');
      const listed = (await alice.get('/api/v1/restore-sessions')).body.items as { id: string; state: string }[];
      expect(listed.find(({ id }) => id === sid)?.state).toBe('stopped');
      expect(control.actions()).toEqual([]);
    });

    it('is not stopped while an operation runs in it', async () => {
      const sid = await alice.openSession();
      const path = `/api/v1/restore-sessions/${sid}`;
      const hold = control.holdActions();
      try {
        const { headers, status } = await alice.post(`${path}/onedrives/${alicesOneDrive}/restore`, {});
        expect(status).toBe(202);
        await hold.reached;
        const refusals = [
          await alice.delete(path),
          await alice.post(`/v5/RestoreSessions/${sid}/Action`, { stop: null }),
        ];
        for (const refused of refusals) {
          expectProblem(refused, 'operation-conflict');
          expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        }
        expectProblem(await alice.delete(`/api/v1/operations/${operationIdOf(headers)}`), 'operation-conflict');
        hold.release();
        expect(await alice.endOf(operationIdOf(headers))).toMatchObject({ state: 'succeeded' });
        expect(await alice.delete(path)).toMatchObject({ status: 204 });
      } finally {
        hold.release();
      }
    });
  });
});

describe('who may act on any version', () => {
  useGateway();

  describe.each(['mallory', 'audrey'])('%s, who has no role and no OneDrive,', (name) => {
    it('has no sessions and no operations', async () => {
      const caller = await named(name);
      expect((await caller.get('/api/v1/restore-sessions')).body).toEqual({ items: [] });
      expect((await caller.get('/api/v1/operations')).body).toEqual({ items: [] });
      expectProblem(await caller.get(`/api/v1/operations/${randomUUID()}`), 'not-found');
      expectProblem(await caller.delete(`/api/v1/operations/${randomUUID()}`), 'not-found');
    });

    it('gets nowhere in the sessions of others', async () => {
      const caller = await named(name);
      for (const route of [...routesOf(alicesSession, alicesOneDrive), ...routesOf(oscarsSession, bobsOneDrive)]) {
        expectProblem(await call(caller, route), isForOperators(route[1]) ? 'forbidden' : 'not-found');
      }
      expect(control.received()).toEqual([]);
      expect(await alice.get(`/api/v1/restore-sessions/${alicesSession}`)).toMatchObject({ body: { state: 'open' } });
    });
  });

  it.each(routesOf('SID', 'OID'))('bob finds no session of alice: %s %s', async (method, path, body) => {
    const at = (sid: string) => [method, path.replace('SID', sid).replace('OID', alicesOneDrive), body] as const;
    const made = randomUUID();
    const theirs = await upstreamOf(() => call(bob, at(alicesSession)), alicesSession);
    const nobodys = await upstreamOf(() => call(bob, at(made)), made);
    expect(theirs).toEqual(nobodys);
    expect(theirs.answer).toMatchObject({ status: isForOperators(path) ? 403 : 404 });
    expect(theirs.sent).toEqual([]);
  });

  it.each(routesOf('SID', 'OID'))(
    'not even oscar finds it, who operates the organization: %s %s',
    async (method, path, body) => {
      const at = (sid: string) => [method, path.replace('SID', sid).replace('OID', alicesOneDrive), body] as const;
      const made = randomUUID();
      const theirs = await upstreamOf(() => call(oscar, at(alicesSession)), alicesSession);
      expect(theirs).toEqual(await upstreamOf(() => call(oscar, at(made)), made));
      expect(theirs.answer.status).toBe(404);
      expect(theirs.sent).toEqual([]);
    },
  );

  it('all of that left the session of alice as it was', async () => {
    expect(await alice.get(`/api/v1/restore-sessions/${alicesSession}`)).toMatchObject({
      status: 200,
      body: { state: 'open' },
    });
  });

  it('a group makes the operator, and without it there is none', async () => {
    const operator = await bearing('bob', { groups: ['contoso-restore-operators'] });
    const sid = await operator.openSession();
    expect(await operator.oneDrives(sid)).toEqual(contosoBackup?.oneDrives.map(({ id }) => id));
    expect(await bob.oneDrives(sid)).toEqual([bobsOneDrive]);
    await expectOwnsNothing(await bearing('oscar', { groups: [] }));
    await expectOwnsNothing(
      await bearing('oscar', { groups: ['Contoso-Restore-Operators', 'contoso-restore-operator'] }),
    );
    await expectOwnsNothing(await bearing('oscar', { groups: undefined, scope: 'contoso-restore-operators' }));
  });

  it('an operator who is one no more acts no more in the session opened then', async () => {
    const sid = await oscar.openSession();
    control.clearReceived();
    const former = await bearing('oscar', { groups: [] });
    expect(await former.oneDrives(sid)).toEqual([]);
    for (const route of oneDriveRoutesOf(sid, alicesOneDrive)) {
      expect([403, 404]).toContain((await call(former, route)).status);
    }
    expect(changes(control)).toEqual([]);
    expect(requests(control).join()).not.toMatch(/RestoreSessions/i);
  });

  describe('a mail', () => {
    const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 'Your files', text: 'Here they are.' };
    const send = (caller: Caller, sid: string, changed: object) =>
      caller.post(
        `/api/v1/restore-sessions/${sid}/onedrives/${alicesOneDrive}/send`,
        { ...mail, ...changed },
        { prefer: 'wait=10' },
      );

    it.each([
      'alice@gmail.example',
      'alice@contoso.com',
      'alice@sub.contoso.onmicrosoft.com',
      'alice@xcontoso.onmicrosoft.com',
      'fred@fabrikam.onmicrosoft.com',
    ])('does not go to %s, whose domain is not on the list', async (to) => {
      expectProblem(await send(oscar, oscarsSession, { to }), 'forbidden');
      const v5 = `/v5/RestoreSessions/${oscarsSession}/Organization/OneDrives/${alicesOneDrive}/Action`;
      expectProblem(await oscar.post(v5, { sendTo: { ...mail, to } }), 'forbidden');
      expect(changes(control)).toEqual([]);
    });

    it.each(['alice@contoso.onmicrosoft.com', 'ceo@contoso.onmicrosoft.com', 'restore@fabrikam.onmicrosoft.com'])(
      'does not go out in the name of %s',
      async (from) => {
        expectProblem(await send(oscar, oscarsSession, { from }), 'forbidden');
        expect(changes(control)).toEqual([]);
      },
    );

    it.each([
      ['of oscar', { from: 'Oscar@contoso.onmicrosoft.com' }, 'oscar@contoso.onmicrosoft.com'],
      ['configured', { from: 'restore@contoso.onmicrosoft.com' }, 'restore@contoso.onmicrosoft.com'],
      ['of oscar, by default', {}, 'oscar@contoso.onmicrosoft.com'],
    ])('goes out from the address %s', async (_case, changed, from) => {
      expect(await send(oscar, oscarsSession, changed)).toMatchObject({ status: 200, body: { state: 'succeeded' } });
      expect(control.actions().map(({ action, options }) => [action, options.from])).toEqual([['send', from]]);
    });

    it('does not go out from an address nobody verified, but from the configured one', async () => {
      const unverified = await bearing('oscar', { email_verified: false });
      const refused = await send(unverified, oscarsSession, { from: 'oscar@contoso.onmicrosoft.com' });
      expectProblem(refused, 'forbidden');
      expect(await send(unverified, oscarsSession, {})).toMatchObject({ status: 200 });
      expect(control.actions()[0]?.options.from).toBe('restore@contoso.onmicrosoft.com');
    });
  });

  it('an operation is seen by whoever asked for it, and by nobody else', async () => {
    const path = `/api/v1/restore-sessions/${oscarsSession}/onedrives/${bobsOneDrive}/restore`;
    const { headers } = await oscar.post(path, {}, { prefer: 'wait=10' });
    const id = operationIdOf(headers);
    const colleague = await bearing('helpdesk-app', {});
    for (const other of [alice, bob, colleague, await named('mallory')]) {
      for (const method of ['GET', 'DELETE']) {
        const theirs = await other.call(method, `/api/v1/operations/${id}`);
        expectProblem(theirs, 'not-found');
        expect(visible(theirs)).toEqual(visible(await other.call(method, `/api/v1/operations/${randomUUID()}`)));
      }
      const listed = (await other.get('/api/v1/operations')).body.items as { id: string }[];
      expect(listed.map((operation) => operation.id)).not.toContain(id);
    }
    expect(await oscar.get(`/api/v1/operations/${id}`)).toMatchObject({ status: 200, body: { id } });
  });

  it('lists hold the own sessions only, and all of them page by page', async () => {
    const opened = [await bob.openSession(), await bob.openSession(), await bob.openSession()];
    const listed = await pages(bob, '/api/v1/restore-sessions', 2);
    expect(listed).toEqual(expect.arrayContaining(opened));
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).not.toContain(alicesSession);
    expect(await pages(alice, '/api/v1/restore-sessions', 1)).toContain(alicesSession);
    expect(await pages(alice, '/api/v1/restore-sessions', 1)).not.toEqual(expect.arrayContaining(opened));
  });
});

function limited(configuration: Configuration, limits: Partial<Configuration['limits']>): Configuration {
  return { ...configuration, limits: { ...configuration.limits, ...limits } };
}
