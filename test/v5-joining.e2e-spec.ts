import { randomUUID } from 'node:crypto';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { PrincipalFacts } from '@app/identity';
import { Secret } from '@app/secrets';
import { Database, type NewOperation, OperationsRepository, UniqueViolation } from '@app/store';

import { type Answer, Caller, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects, type TestDialect } from './support/dialects.js';
import { PolicyFolder } from './support/policies.js';
import { auditRecords } from './support/trail.js';
import { until, whileAdvancing } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, startGateway, startNeighbours, type Neighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
/** With a condition, which the first stage of authorization leaves to the second. */
const legalHold = `@id("legal-hold")
forbid(principal, action == Action::"restore", resource) when { context.documentAction == DocumentAction::"keep" };`;
const MAX_WAIT = 90 * SECOND;
const restoreRequest = { restoreToOriginalLocation: { documentVersion: 'last', documentAction: 'keep' } };

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
    const environment = {
      V5_MAX_WAIT: `${MAX_WAIT / SECOND}s`,
      POLICY_DIR: policies.path,
      ...(dialect && { VEEAM_API_VERSION: dialect.version }),
    };
    const start = () => startGateway(neighbours, { clock, environment, adjust: patient });
    replicas = [await start(), await start()];
    alice = await deskOf('alice');
    oscar = await deskOf('oscar');
  });
  afterAll(() => Promise.all(replicas.map((gateway) => gateway.close())));
}

const deskOf = (name: string) => openDesk(name, { ...neighbours, gateway: replicas[0] });
const routeOf = ({ sid, oneDrives }: Pick<Desk, 'sid' | 'oneDrives'>, of = 'Alice') =>
  `/v5/RestoreSessions/${sid}/Organization/OneDrives/${oneDrives[of] ?? ''}/Action`;

/** @param at the replica to ask: the first or the second */
function act(desk: Desk, { body = restoreRequest, at = 0, path = routeOf(desk) }: Asked = {}): Promise<Answer> {
  return new Caller(replicas[at].url, desk.caller.token).post(path, body);
}

interface Asked {
  readonly body?: object;
  readonly at?: 0 | 1;
  readonly path?: string;
}

const repeatsOnRecord = async () => (await auditRecords(neighbours)).filter(({ detail }) => detail?.repeated === true);

/** Resolves once so many more repeats are on record than there were. */
async function joined(work: () => void, count = 1): Promise<void> {
  const before = (await repeatsOnRecord()).length;
  work();
  await until(async () => (await repeatsOnRecord()).length >= before + count);
}

/** Answers that come once time goes on: what runs on one replica is seen on the other by looking again. */
const answersOf = (asked: readonly Promise<Answer>[]) => whileAdvancing({ clock, by: 100 }, Promise.all(asked));

async function operationCount({ caller }: Desk): Promise<number> {
  const { body } = await caller.get('/api/v1/operations?limit=1000');
  return body.items.length as number;
}

describe.each(dialects)('a v5 request that is repeated, on $version,', (dialect) => {
  useReplicas(dialect);

  describe.each<[string, () => [Desk, object]]>([
    ['restore', () => [alice, restoreRequest]],
    ['copy', () => [oscar, { copyTo: { oneDrive: { id: oscar.oneDrives.Bob }, changedItems: true } }]],
    ['mail', () => [oscar, { sendTo: { to: 'bob@contoso.onmicrosoft.com', subject: 's', text: 't' } }]],
  ])('while its %s runs', (_action, asked) => {
    it('joins it on any replica, and gets the same answer', async () => {
      const [desk, body] = asked();
      const before = await operationCount(desk);
      const hold = control.holdActions();
      const first = act(desk, { body });
      await hold.reached;
      const repeats: Promise<Answer>[] = [];
      await joined(() => repeats.push(act(desk, { body }), act(desk, { body, at: 1 })), 2);
      hold.release();
      const answers = await answersOf([first, ...repeats]);

      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
      expect(new Set(answers.map(({ headers }) => operationIdOf(headers))).size).toBe(1);
      expect(actionRequests(control)).toHaveLength(1);
      expect(await operationCount(desk)).toBe(before + 1);
    });
  });

  it('by a balancer that cut the first call causes no second restore', async () => {
    const hold = control.holdActions();
    const balancer = new AbortController();
    const cut = alice.caller.fetch('POST', routeOf(alice), JSON.stringify(restoreRequest), {}, balancer.signal);
    await hold.reached;
    balancer.abort();
    await expect(cut).rejects.toThrow();
    await until(() => replicas[0].log().some((line) => line.includes('"aborted":true')));
    const repeats: Promise<Answer>[] = [];
    await joined(() => repeats.push(act(alice, { at: 1 })));
    hold.release();
    const [answer] = await answersOf(repeats);
    expect(answer).toMatchObject({ status: 200, body: { totalItemsCount: 5 } });
    expect(actionRequests(control)).toHaveLength(1);
    expect(control.actions()).toHaveLength(1);
  });

  it('is a new operation after one that failed, and gets the same problem before', async () => {
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', status: 500, body: { message: 'no' } } });
    const hold = control.hold({ action: 'restore' });
    const first = act(alice);
    await hold.reached;
    const repeats: Promise<Answer>[] = [];
    await joined(() => repeats.push(act(alice)));
    hold.release();
    for (const answer of await answersOf([first, ...repeats])) expectProblem(answer, 'upstream-rejected');
    expect(actionRequests(control)).toHaveLength(1);
    expect(await answersOf([act(alice)])).toMatchObject([{ status: 200 }]);
  });

  it('after V5_MAX_WAIT joins again', async () => {
    const hold = control.holdActions();
    const first = act(alice);
    await hold.reached;
    const late = await whileAdvancing({ clock, by: 5 * SECOND }, first);
    expectProblem(late, 'still-running');
    const repeats: Promise<Answer>[] = [];
    await joined(() => repeats.push(act(alice)));
    hold.release();
    const [answer] = await answersOf(repeats);
    expect(answer).toMatchObject({ status: 200, body: { totalItemsCount: 5 } });
    expect(answer && operationIdOf(answer.headers)).toBe(operationIdOf(late.headers));
    expect(actionRequests(control)).toHaveLength(1);
  });
});

describe('a v5 request that is repeated, on any version,', () => {
  useReplicas();

  it('joins it in any spelling of v5', async () => {
    const hold = control.holdActions();
    const first = act(alice);
    await hold.reached;
    const repeats: Promise<Answer>[] = [];
    await joined(() => {
      const path = `/V5/restoresessions/${alice.sid.toUpperCase()}/ORGANIZATION/onedrives/${alice.oneDrives.Alice}/action`;
      repeats.push(
        act(alice, { path, body: { RESTORETOORIGINALLOCATION: { DocumentAction: 'KEEP', documentversion: 'Last' } } }),
        act(alice, { body: { restoreToOriginalLocation: {} } }),
      );
    }, 2);
    hold.release();
    const answers = await Promise.all([first, ...repeats]);
    expect(new Set(answers.map(({ headers }) => operationIdOf(headers))).size).toBe(1);
    expect(actionRequests(control)).toHaveLength(1);
  });

  it('at the same moment on two replicas is one operation', async () => {
    for (let round = 0; round < 5; round += 1) {
      control.clearReceived();
      const answers = await answersOf(Array.from({ length: 10 }, (_, i) => act(alice, { at: i % 2 === 0 ? 0 : 1 })));
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
      expect(new Set(answers.map(({ headers }) => operationIdOf(headers))).size).toBe(1);
      expect(actionRequests(control)).toHaveLength(1);
    }
  });

  it('is not recorded beside one that began and ended while it was being decided on', async () => {
    const database = new Database({
      url: { current: new Secret(neighbours.database.url) },
      caFile: undefined,
    });
    try {
      const repository = new OperationsRepository(database);
      const owner = { issuer: 'https://issuer.example', subject: 'alice', clientId: undefined };
      const operation = (after: string | undefined): NewOperation => ({
        id: randomUUID(),
        action: 'restore',
        owner,
        principal: {} as PrincipalFacts,
        isOnOwnOneDrive: true,
        organizationId: alice.organizationId,
        organizationName: 'contoso.onmicrosoft.com',
        backupServer: 'default',
        restoreSessionId: alice.sid,
        item: { kind: 'onedrive', oneDriveId: 'x' },
        request: {},
        reason: undefined,
        onBehalfOf: undefined,
        credential: undefined,
        requestId: '',
        traceId: undefined,
        sourceAddress: undefined,
        upstreamSessionId: alice.upstreamSid,
        requestedAt: new Date(clock.now()),
        boundTo: randomUUID(),
        idempotency: { fingerprint: 'the same', after },
      });
      const first = operation(undefined);
      await repository.accept(first);
      await expect(repository.accept(operation(undefined))).rejects.toBeInstanceOf(UniqueViolation);
      await repository.cancel({ id: first.id, epoch: 0 }, owner, new Date(clock.now()));
      await expect(repository.accept(operation(undefined))).rejects.toBeInstanceOf(UniqueViolation);
      expect(await repository.findSameRequest(owner, 'the same')).toMatchObject({ id: first.id, state: 'canceled' });

      const second = operation(first.id);
      expect(await repository.accept(second)).toMatchObject({ id: second.id, state: 'accepted' });
      await repository.cancel({ id: second.id, epoch: 0 }, owner, new Date(clock.now()));
    } finally {
      await database.close();
    }
  });

  it('after the end is a new operation', async () => {
    const first = await act(alice);
    const second = await act(alice);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(operationIdOf(second.headers)).not.toBe(operationIdOf(first.headers));
    expect(actionRequests(control)).toHaveLength(2);
  });

  it.each<[string, () => Promise<Answer>]>([
    ['another member', () => act(oscar, { body: { restoreToOriginalLocation: { documentAction: 'overwrite' } } })],
    ['another action', () => act(oscar, { body: { copyTo: { oneDrive: { id: oscar.oneDrives.Bob } } } })],
    ['another OneDrive', () => act(oscar, { path: routeOf(oscar, 'Bob') })],
    [
      'another client of the same caller',
      async () => {
        const token = await neighbours.sso.token('oscar', { client_id: 'another-client', azp: 'another-client' });
        return new Caller(replicas[0].url, token).post(routeOf(oscar), restoreRequest);
      },
    ],
    [
      'the simplified API',
      () =>
        oscar.caller.post(
          `/api/v1/restore-sessions/${oscar.sid}/onedrives/${oscar.oneDrives.Alice}/restore`,
          {},
          { prefer: 'wait=60' },
        ),
    ],
  ])('with %s joins nothing', async (_what, other) => {
    const hold = control.holdActions();
    const first = act(oscar);
    await hold.reached;
    const before = await operationCount(oscar);
    const second = other();
    await until(async () => (await operationCount(oscar)) === before + 1);
    hold.release();
    const [one, two] = await Promise.all([first, second]);
    expect([one.status, two.status]).toEqual([200, 200]);
    expect(operationIdOf(two.headers)).not.toBe(operationIdOf(one.headers));
    expect(actionRequests(control)).toHaveLength(2);
  });

  it('that is a download is one of its own, and waits for nobody', async () => {
    const hold = control.hold({ action: 'save' });
    const first = alice.caller.fetch('POST', routeOf(alice), JSON.stringify({ save: null }));
    await hold.reached;
    expectProblem(await act(alice, { body: { save: null } }), 'operation-conflict');
    hold.release();
    expect((await (await first).arrayBuffer()).byteLength).toBeGreaterThan(0);
    const again = await alice.caller.fetch('POST', routeOf(alice), JSON.stringify({ save: null }));
    expect(again.status).toBe(200);
    await again.arrayBuffer();
  });

  it('joins as the policy of now permits, and leaves what runs alone', async () => {
    const hold = control.holdActions();
    const first = act(alice);
    await hold.reached;
    policies.write('legal-hold', legalHold);
    const explain = { restoreSessionId: alice.sid, oneDriveId: alice.oneDrives.Alice, action: 'restore' };
    const decision = async () => (await alice.caller.post('/api/v1/policy/explain', explain)).body.decision as string;
    await until(async () => (await decision()) === 'deny', { clock, by: 10 * SECOND });
    expectProblem(await act(alice), 'forbidden');
    policies.delete('legal-hold');
    await until(async () => (await decision()) === 'allow', { clock, by: 10 * SECOND });
    hold.release();
    const { status, headers } = await first;
    // Time went on for the policy: the first may have lost its patience.
    expect([200, 504]).toContain(status);
    expect(await alice.caller.endOf(operationIdOf(headers))).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(control)).toHaveLength(1);
  });
});
