import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import fc from 'fast-check';
import pg from 'pg';

import { Caller, exchangeBytes, expectProblem, operationIdOf, parseAnswer } from './support/caller.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects, type TestDialect } from './support/dialects.js';
import { PolicyFolder } from './support/policies.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests, requests } from './support/upstream.js';
import { type Gateway, startGateway, startNeighbours, type Neighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
/** With a condition, which the first stage of authorization leaves to the second. */
const legalHold = `@id("legal-hold")
forbid(principal, action == Action::"restore", resource) when { context.documentAction == DocumentAction::"keep" };`;
const bobsLogin = 'bob@contoso.onmicrosoft.com';
const mail = { to: bobsLogin, subject: 'Confidential subject', text: 'Confidential text' };

/** Nobody's lease ends while a test moves the clock. */
const patient = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: {
    ...configuration.limits,
    sessionsPerCaller: 1_000,
    requestsPerWindow: 100_000,
    leaseMs: 24 * 3_600 * SECOND,
  },
});

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];
let policies: PolicyFolder;
let clock: ManualClock;
let replicas: readonly [Gateway, Gateway];
let alice: Desk;
let oscar: Desk;
let keys = 0;

beforeAll(async () => {
  neighbours = await startNeighbours();
  control = neighbours.veeam.control;
  policies = new PolicyFolder();
});
beforeEach(() => {
  control.clearReceived();
});
// Or else a test that fails keeps its gateways from ending.
afterEach(() => {
  control.clearFaults();
});
afterAll(async () => {
  policies.remove();
  await neighbours.close();
});

/** Two replicas for the tests of a block. */
function useReplicas(dialect?: TestDialect): void {
  beforeAll(async () => {
    clock = new ManualClock(Date.now());
    const environment = dialect && { VEEAM_API_VERSION: dialect.version };
    replicas = [await start(environment), await start(environment)];
    alice = await deskOf('alice');
    oscar = await deskOf('oscar');
  });
  afterAll(() => Promise.all(replicas.map((gateway) => gateway.close())));
}

const start = (environment: Record<string, string> = {}, adjust = patient) =>
  startGateway(neighbours, { clock, environment: { POLICY_DIR: policies.path, ...environment }, adjust });

const deskOf = (name: string, gateway = replicas[0]) => openDesk(name, { ...neighbours, gateway });
const aKey = () => `key-${++keys}`;

/** @param at the replica to ask: the first or the second */
function act(
  { caller, sid, oneDrives }: Pick<Desk, 'caller' | 'sid' | 'oneDrives'>,
  action: string,
  { key, body = {}, of = 'Alice', at = 0, prefer }: Asked & { key: string },
) {
  const there = new Caller(replicas[at].url, caller.token);
  const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives[of] ?? ''}/${action}`;
  return there.post(path, body, { 'idempotency-key': key, ...(prefer !== undefined && { prefer }) });
}

interface Asked {
  readonly body?: object;
  readonly of?: string;
  readonly at?: 0 | 1;
  readonly prefer?: string;
}

/** An operation in its final state, which time may have to go on for. */
const endOf = ({ caller }: Desk, id: string) => caller.endOf(id, { clock, by: SECOND });

async function rows<T extends pg.QueryResultRow>(sql: string, parameters: unknown[] = []): Promise<T[]> {
  const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
  await owner.connect();
  try {
    return (await owner.query<T>(sql, parameters)).rows;
  } finally {
    await owner.end();
  }
}

const operationsOf = async (key: string) =>
  (await rows<{ id: string }>('select id from operations where idempotency_key = $1', [key])).map(({ id }) => id);
const decisionsOn = async (operationId: string) =>
  (await auditRecords(neighbours)).filter((record) => record.operationId === operationId && record.decision);

describe.each(dialects)('an Idempotency-Key on $version', (dialect) => {
  useReplicas(dialect);

  describe.each<[string, () => object, string]>([
    ['restore', () => ({}), dialect.heldState],
    ['copy', () => ({ target: { user: bobsLogin } }), dialect.heldState],
    ['copy', () => ({ target: { oneDriveId: oscar.oneDrives.Bob } }), dialect.heldState],
    ['send', () => mail, 'submitting'],
  ])('on %s', (action, body, heldState) => {
    it('answers a repeat with the operation of the first, and sends one request', async () => {
      const key = aKey();
      const desk = await deskOf('oscar');
      control.clearReceived();
      const hold = control.holdActions();
      const first = await act(desk, action, { key, body: body() });
      expect(first.status).toBe(202);
      await hold.reached;
      const second = await until(async () => {
        const repeat = await act(desk, action, { key, body: body() });
        return repeat.body.state === heldState && repeat;
      });
      expect(second).toMatchObject({ status: 202, body: { id: first.body.id } });
      for (const name of ['operation-location', 'retry-after']) {
        expect(second.headers.get(name)).toBe(first.headers.get(name));
      }
      hold.release();
      expect(await endOf(desk, first.body.id as string)).toMatchObject({ action, state: 'succeeded' });

      const ended = { id: first.body.id as string, state: 'succeeded' };
      expect(await act(desk, action, { key, body: body() })).toMatchObject({ status: 202, body: ended });
      expect(await act(desk, action, { key, body: body(), prefer: 'wait=10', at: 1 })).toMatchObject({
        status: 200,
        body: ended,
      });
      expect(actionRequests(control)).toHaveLength(1);
      expect(await operationsOf(key)).toEqual([first.body.id]);
    });

    it('answers a repeat when the restore session is long over', async () => {
      const key = aKey();
      const desk = await deskOf('oscar');
      const first = await act(desk, action, { key, body: body() });
      await endOf(desk, first.body.id as string);
      expect((await desk.caller.delete(`/api/v1/restore-sessions/${desk.sid}`)).status).toBe(204);
      expect(await act(desk, action, { key, body: body() })).toMatchObject({
        status: 202,
        body: { id: first.body.id, state: 'succeeded' },
      });
      expectProblem(await act(desk, action, { key: aKey(), body: body() }), 'session-stopped');
    });
  });

  it('gives one operation and one request, however many come at once to two replicas', async () => {
    const key = aKey();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => act(alice, 'restore', { key, at: i % 2 === 0 ? 0 : 1 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(202));
    const [id, ...others] = new Set(answers.map(({ body }) => body.id as string));
    expect(others).toEqual([]);
    expect(await endOf(alice, id ?? '')).toMatchObject({ state: 'succeeded' });
    await clock.advance(60 * SECOND);
    expect(actionRequests(control)).toHaveLength(1);
    expect(control.actions()).toHaveLength(1);
    expect(await operationsOf(key)).toEqual([id]);

    const decisions = await decisionsOn(id ?? '');
    expect(decisions).toHaveLength(100);
    expect(decisions.filter(({ detail }) => detail?.repeated !== true)).toHaveLength(1);
    expect(new Set(decisions.map(({ requestId }) => requestId)).size).toBe(100);
  });
});

describe('an Idempotency-Key on any version', () => {
  useReplicas();

  it('puts a repeat on record, with the policies of now, and counts it', async () => {
    const key = aKey();
    const first = await act(alice, 'restore', { key, prefer: 'wait=10' });
    const repeat = await act(alice, 'restore', { key });
    const decisions = await decisionsOn(first.body.id as string);
    expect(decisions.map(({ detail, requestId }) => [detail, requestId])).toEqual([
      [undefined, first.headers.get('x-request-id')],
      [{ repeated: true }, repeat.headers.get('x-request-id')],
    ]);
    expect(decisions[1]).toMatchObject({
      action: 'restore',
      decision: 'allow',
      policies: ['people-act-on-own-onedrive'],
      restoreSessionId: alice.sid,
      item: { kind: 'onedrive', oneDriveId: alice.oneDrives.Alice },
    });
  });

  describe('that was used for another request is refused:', () => {
    const key = 'used';
    let ended: string;

    beforeAll(async () => {
      const { body } = await act(oscar, 'restore', { key, body: { reason: 'Ticket 1' } });
      ended = body.id as string;
      await oscar.caller.endOf(ended);
    });

    it.each<[string, string, Asked]>([
      ['another OneDrive', 'restore', { body: { reason: 'Ticket 1' }, of: 'Bob' }],
      ['another member', 'restore', { body: { reason: 'Ticket 1', documentAction: 'overwrite' } }],
      ['another value', 'restore', { body: { reason: 'Ticket 2' } }],
      ['one member less', 'restore', {}],
      ['another action', 'send', { body: { ...mail, reason: 'Ticket 1' } }],
      ['another action on the other replica', 'copy', { body: { target: { user: bobsLogin } }, at: 1 }],
    ])('%s', async (_what, action, asked) => {
      expectProblem(await act(oscar, action, { key, ...asked }), 'idempotency-key-reused');
      expect(actionRequests(control)).toEqual([]);
      expect(await operationsOf(key)).toEqual([ended]);
    });

    it('another restore session', async () => {
      const other = await deskOf('oscar');
      expectProblem(await act(other, 'restore', { key, body: { reason: 'Ticket 1' } }), 'idempotency-key-reused');
    });

    it('but first of all by the policy, where that says no', async () => {
      const own = aKey();
      const { body } = await act(alice, 'restore', { key: own });
      const stolen = { ...alice, oneDrives: { Bob: oscar.oneDrives.Bob ?? '' } };
      expectProblem(await act(stolen, 'restore', { key: own, of: 'Bob' }), 'not-found');
      await alice.caller.endOf(body.id as string);
    });
  });

  describe('knows the same request', () => {
    it.each<[string, object, object]>([
      ['with its defaults written out', {}, { documentVersion: 'last', documentAction: 'keep' }],
      [
        'with its members in another order',
        { reason: 'r', documentAction: 'keep' },
        { documentAction: 'keep', reason: 'r' },
      ],
    ])('%s', async (_what, one, other) => {
      const key = aKey();
      const first = await act(alice, 'restore', { key, body: one, prefer: 'wait=10' });
      const repeat = await act(alice, 'restore', { key, body: other });
      expect(repeat).toMatchObject({ status: 202, body: { id: first.body.id } });
    });

    it('with its path in another spelling', async () => {
      const key = aKey();
      const first = await act(alice, 'restore', { key, prefer: 'wait=10' });
      const loud = {
        ...alice,
        sid: alice.sid.toUpperCase(),
        oneDrives: { Alice: encoded(alice.oneDrives.Alice ?? '') },
      };
      expect(await act(loud, 'restore', { key })).toMatchObject({ status: 202, body: { id: first.body.id } });
    });

    const encoded = (text: string) => text.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  });

  it('is the own one of each caller and client', async () => {
    const key = aKey();
    const token = await neighbours.sso.token('alice', { client_id: 'another-client', azp: 'another-client' });
    const elsewhere = { ...alice, caller: new Caller(replicas[0].url, token) };
    const bob = await deskOf('bob');
    const answers = [
      await act(alice, 'restore', { key, prefer: 'wait=10' }),
      await act(elsewhere, 'restore', { key, prefer: 'wait=10', body: { reason: 'mine' } }),
      await act(bob, 'restore', { key, of: 'Bob', prefer: 'wait=10' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.id as string)).size).toBe(3);
  });

  describe('by its form', () => {
    it.each([
      ['is empty', ''],
      ['is 256 characters long', 'k'.repeat(256)],
      ['has a space', 'one two'],
      ['has a tab', 'one\ttwo'],
      ['is not ASCII', 'sch\u00f6n'],
    ])('is refused when it %s', async (_what, key) => {
      const answer = await act(alice, 'restore', { key });
      expectProblem(answer, 'validation-failed');
      expect(answer.body.errors).toEqual([
        { field: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' },
      ]);
      expect(requests(control)).toEqual([]);
    });

    it.each([
      ['alike', ['one', 'one']],
      ['different', ['one', 'two']],
    ])('is refused when it comes twice, %s', async (_what, [one, other]) => {
      const answer = await exchangeBytes(
        replicas[0],
        [
          `POST /api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/restore HTTP/1.1`,
          'Host: gateway',
          `Authorization: Bearer ${alice.caller.token}`,
          `Idempotency-Key: ${one}`,
          `Idempotency-Key: ${other}`,
          'Connection: close',
          'Content-Type: application/json',
          'Content-Length: 2',
          '',
          '{}',
        ].join('\r\n'),
      );
      const { status, body } = parseAnswer(answer);
      expect({ status, body }).toMatchObject({
        status: 400,
        body: { errors: [{ field: 'Idempotency-Key', message: 'must be there once' }] },
      });
      expect(requests(control)).toEqual([]);
    });

    it('is taken up to 255 characters, whatever is visible', async () => {
      for (const key of ['~', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}', 'k'.repeat(255)]) {
        const { body } = await act(alice, 'restore', { key, prefer: 'wait=10' });
        expect(await act(alice, 'restore', { key })).toMatchObject({ status: 202, body: { id: body.id } });
      }
    });

    it('is what was sent: quotes are part of it', async () => {
      const key = aKey();
      const bare = await act(alice, 'restore', { key, prefer: 'wait=10' });
      const quoted = await act(alice, 'restore', { key: `"${key}"`, prefer: 'wait=10' });
      expect([bare.status, quoted.status]).toEqual([200, 200]);
      expect(quoted.body.id).not.toBe(bare.body.id);
    });
  });

  it.each<[string, (desk: Desk) => string, object]>([
    ['save', ({ sid, oneDrives }) => `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/save`, {}],
    [
      'the v5 route',
      ({ sid, oneDrives }) => `/v5/RestoreSessions/${sid}/Organization/OneDrives/${oneDrives.Alice}/Action`,
      { restoreToOriginalLocation: {} },
    ],
    ['restore sessions', () => '/api/v1/restore-sessions', { organizationId: 'x' }],
    ['device codes', ({ sid }) => `/api/v1/restore-sessions/${sid}/device-codes`, {}],
  ])('is refused rather than ignored on %s', async (_route, path, body) => {
    const answer = await oscar.caller.post(path(oscar), body, { 'idempotency-key': aKey() });
    expectProblem(answer, 'validation-failed');
    expect(answer.body.errors).toEqual([
      { field: 'Idempotency-Key', message: expect.stringMatching(/restore, copy, send/) as string },
    ]);
    expect(requests(control)).toEqual([]);
  });

  describe('is not used up by a request that', () => {
    async function expectStillNew(key: string): Promise<void> {
      expect(await operationsOf(key)).toEqual([]);
      expect(await act(oscar, 'restore', { key, prefer: 'wait=10' })).toMatchObject({ status: 200 });
    }

    it('is not well-formed', async () => {
      const key = aKey();
      expectProblem(await act(oscar, 'restore', { key, body: { documentAction: 'delete' } }), 'validation-failed');
      await expectStillNew(key);
    });

    it('is denied', async () => {
      const key = aKey();
      const stolen = { ...alice, oneDrives: { Bob: oscar.oneDrives.Bob ?? '' } };
      expectProblem(await act(stolen, 'restore', { key, of: 'Bob' }), 'not-found');
      expectProblem(await act(alice, 'send', { key, body: mail }), 'forbidden');
      expect(await operationsOf(key)).toEqual([]);
      expect(await act(alice, 'restore', { key, prefer: 'wait=10' })).toMatchObject({ status: 200 });
    });

    it('cannot be done', async () => {
      const key = aKey();
      const unknown = { ...oscar, oneDrives: { None: 'none' } };
      expectProblem(await act(unknown, 'restore', { key, of: 'None' }), 'not-found');
      expectProblem(await act(oscar, 'restore', { key, body: { credentialProfile: 'none' } }), 'no-credential-profile');
      expectProblem(await act(oscar, 'restore', { key, body: { userCode: 'GUESSED' } }), 'device-code-unknown');
      await expectStillNew(key);
    });
  });

  it('of a canceled operation stays with it: a repeat begins nothing', async () => {
    const key = aKey();
    const hold = control.holdActions();
    const running = await act(alice, 'restore', { key: aKey() });
    await hold.reached;
    const waiting = await act(alice, 'restore', { key });
    expect((await alice.caller.delete(`/api/v1/operations/${waiting.body.id}`)).status).toBe(204);
    expect(await act(alice, 'restore', { key })).toMatchObject({
      status: 202,
      body: { id: waiting.body.id, state: 'canceled' },
    });
    hold.release();
    await endOf(alice, running.body.id as string);
    await clock.advance(60 * SECOND);
    expect(actionRequests(control)).toHaveLength(1);
  });

  it('lets a device code be used once, for one operation, however many come at once', async () => {
    const key = aKey();
    const { body: issued } = await oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/device-codes`);
    const body = { userCode: issued.userCode as string };
    control.clearReceived();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => act(oscar, 'restore', { key, body, at: i % 2 === 0 ? 0 : 1 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202));
    const [id, ...others] = new Set(answers.map((answer) => answer.body.id as string));
    expect(others).toEqual([]);
    expect(await endOf(oscar, id ?? '')).toMatchObject({ state: 'succeeded' });
    expect(await act(oscar, 'restore', { key, body })).toMatchObject({ status: 202, body: { id } });
    expect(actionRequests(control)).toHaveLength(1);
    expectProblem(await act(oscar, 'restore', { key }), 'idempotency-key-reused');
    const stored = JSON.stringify(await rows('select * from operations where id = $1', [id]));
    expect(stored).not.toContain(issued.userCode);
  });

  it('shows the old operation only as the policy of now permits', async () => {
    const key = aKey();
    const first = await act(oscar, 'restore', { key, prefer: 'wait=10' });
    policies.write('legal-hold', legalHold);
    const isHeld = async () => (await act(oscar, 'restore', { key })).status === 403;
    await until(isHeld, { clock, by: 10 * SECOND });
    const denied = await act(oscar, 'restore', { key });
    expectProblem(denied, 'forbidden');
    expect(JSON.stringify(denied.body)).not.toContain(first.body.id);
    expect(denied.headers.has('operation-location')).toBe(false);
    const denials = (await auditRecords(neighbours)).filter(({ decision }) => decision === 'deny');
    expect(denials.at(-1)).toMatchObject({ action: 'restore', policies: ['legal-hold'] });

    policies.delete('legal-hold');
    await until(async () => !(await isHeld()), { clock, by: 10 * SECOND });
    expect(await act(oscar, 'restore', { key })).toMatchObject({ status: 202, body: { id: first.body.id } });
    // The other replica looks by itself.
    await until(async () => (await act(oscar, 'restore', { key, at: 1 })).status === 202, { clock, by: 10 * SECOND });
  });

  it('counts once against a ceiling: no repeat is over it', async () => {
    const gateway = await start({}, (configuration) => ({
      ...patient(configuration),
      operatorCeilings: { actions: 1, bytes: undefined },
    }));
    try {
      const caller = new Caller(gateway.url, await neighbours.sso.token('helpdesk-app'));
      const sid = await caller.openSession();
      const path = `/api/v1/restore-sessions/${sid}/onedrives/${await caller.oneDriveNamed(sid, 'Alice')}/restore`;
      const key = { 'idempotency-key': aKey() };
      const answers = await Promise.all(Array.from({ length: 10 }, () => caller.post(path, {}, key)));
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(202));
      expect(new Set(answers.map(({ body }) => body.id as string)).size).toBe(1);
      expectProblem(await caller.post(path, {}, { 'idempotency-key': aKey() }), 'rate-limited');
      expect(await caller.post(path, {}, key)).toMatchObject({ status: 202, body: { id: answers[0]?.body.id } });
      await caller.endOf(answers[0]?.body.id as string);
    } finally {
      await gateway.close();
    }
  });

  describe('while the database fails', () => {
    let proxy: DatabaseProxy;
    let gateway: Gateway;
    let desk: Desk;

    beforeAll(async () => {
      proxy = await DatabaseProxy.start(neighbours.database.url);
      gateway = await start({ DATABASE_URL_FILE: '', DATABASE_URL: proxy.url });
      desk = await deskOf('alice', gateway);
    });
    afterAll(async () => {
      await gateway.close();
      await proxy.close();
    });

    const restore = (key: string) =>
      desk.caller.post(
        `/api/v1/restore-sessions/${desk.sid}/onedrives/${desk.oneDrives.Alice}/restore`,
        {},
        { 'idempotency-key': key },
      );

    async function expectDoneOnce(key: string): Promise<void> {
      const repeat = await restore(key);
      expect(repeat.status).toBe(202);
      const id = operationIdOf(repeat.headers);
      await until(async () => (await desk.caller.operation(id)).state === 'succeeded', { clock, by: SECOND });
      expect((await restore(key)).body).toMatchObject({ id, state: 'succeeded' });
      expect(actionRequests(control)).toHaveLength(1);
      expect(await operationsOf(key)).toEqual([id]);
    }

    it('is answered with 503, and a repeat afterwards does it once', async () => {
      const key = aKey();
      proxy.goDown();
      expectProblem(await restore(key), 'store-unavailable');
      proxy.comeBack();
      await expectDoneOnce(key);
    });

    it('is answered with 503 when it was recorded and nobody could tell, and a repeat does it once', async () => {
      const key = aKey();
      proxy.loseNextAnswerToCommit();
      expectProblem(await restore(key), 'store-unavailable');
      expect(await operationsOf(key)).toHaveLength(1);
      await expectDoneOnce(key);
    });
  });

  it('never gives two requests upstream, whatever comes in whatever order', async () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b'),
      reason: fc.constantFrom('one', 'two'),
      at: fc.constantFrom<0 | 1>(0, 1),
      /** Whether the one before is answered first. */
      waits: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
        const run = aKey();
        control.clearReceived();
        const asked = [];
        for (const { key, reason, at, waits } of steps) {
          const answer = act(alice, 'restore', { key: `${run}-${key}`, body: { reason }, at });
          asked.push({ key, reason, answer });
          if (waits) await answer;
        }
        const began = new Map<string, string>();
        for (const { key, reason, answer } of asked) {
          const { status, body } = await answer;
          expect([202, 422]).toContain(status);
          if (status === 202) {
            expect(began.get(key) ?? body.id).toBe(body.id);
            expect(body.reason).toBe(reason);
            began.set(key, body.id as string);
          }
        }
        expect(began.size).toBe(new Set(steps.map(({ key }) => key)).size);
        for (const id of began.values()) {
          await until(async () => (await alice.caller.operation(id)).state === 'succeeded', { clock, by: SECOND });
        }
        expect(actionRequests(control)).toHaveLength(began.size);
      }),
      { numRuns: 15 },
    );
  });
});
