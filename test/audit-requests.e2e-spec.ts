import type { AuditRecord } from '@app/audit';
import { ManualClock } from '@app/clock';

import { Caller, expectProblem, operationIdOf } from './support/caller.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { type Desk, openDesk } from './support/desk.js';
import { PolicyFolder } from './support/policies.js';
import { auditRecords, recordsOf } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type GatewayOptions, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;

describe('the audit trail', () => {
  let neighbours: Neighbours;
  let proxy: DatabaseProxy;
  let policies: PolicyFolder;
  let clock: ManualClock;
  let gateway: Gateway;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    proxy = await DatabaseProxy.start(neighbours.database.url);
  });
  afterAll(async () => {
    await proxy.close();
    await neighbours.close();
  });
  beforeEach(() => {
    policies = new PolicyFolder();
    clock = new ManualClock(Date.now());
  });
  afterEach(async () => {
    neighbours.veeam.control.clearFaults();
    await gateway.close();
    policies.remove();
  });

  async function start({ environment, adjust }: GatewayOptions = {}): Promise<void> {
    gateway = await startGateway(neighbours, {
      clock,
      environment: { DATABASE_URL_FILE: '', DATABASE_URL: proxy.url, POLICY_DIR: policies.path, ...environment },
      ...(adjust && { adjust }),
    });
  }

  const deskOf = (name: string): Promise<Desk> => openDesk(name, { ...neighbours, gateway });

  const restore = ({ caller, sid, oneDrives }: Desk, headers = {}) =>
    caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`, {}, headers);

  const ofOperation = async (id: string): Promise<AuditRecord[]> =>
    (await auditRecords(neighbours)).filter(({ operationId }) => operationId === id);

  describe('has the address that a request came from', () => {
    async function recordedFor(forwarded: string): Promise<AuditRecord[]> {
      const alice = await deskOf('alice');
      const answer = await restore(alice, { 'x-forwarded-for': forwarded });
      await alice.caller.endOf(answer.body.id as string);
      return recordsOf(neighbours, answer.headers.get('x-request-id') ?? '');
    }

    it('and believes nobody who says another one', async () => {
      await start();
      const records = await recordedFor('192.0.2.7');
      expect(records.map(({ action, sourceAddress }) => [action, sourceAddress])).toEqual([
        ['restore', '127.0.0.1'],
        ['operation.started', '127.0.0.1'],
        ['credential-profile.used', '127.0.0.1'],
        ['operation.ended', '127.0.0.1'],
      ]);
    });

    it.each([
      ['192.0.2.7', '192.0.2.7'],
      // What the caller wrote before it came to the proxy stays what the caller wrote.
      ['203.0.113.9, 192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['2001:DB8:0::7', '2001:db8::7'],
      ['no address at all', '127.0.0.1'],
    ])('as a trusted proxy says it: %s is %s', async (forwarded, address) => {
      await start({ environment: { TRUST_PROXY: '127.0.0.1' } });
      const records = await recordedFor(forwarded);
      expect(records).toHaveLength(4);
      expect(new Set(records.map(({ sourceAddress }) => sourceAddress))).toEqual(new Set([address]));
    });
  });

  describe('of what waits in the queue', () => {
    it('names the request that asked for it, not the one that wakes the queue', async () => {
      await start();
      const alice = await deskOf('alice');
      const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
      const first = await restore(alice, { 'x-request-id': 'first' });
      await hold.reached;
      const second = await restore(alice, { 'x-request-id': 'second' });
      neighbours.veeam.control.clearReceived();
      hold.release();
      await alice.caller.endOf(second.body.id as string);
      await until(async () => (await ofOperation(second.body.id as string)).length === 4);

      const [ofFirst, ofSecond] = await Promise.all([first, second].map(({ body }) => ofOperation(body.id as string)));
      expect(new Set(ofFirst?.map(({ requestId }) => requestId))).toEqual(new Set(['first']));
      expect(new Set(ofSecond?.map(({ requestId }) => requestId))).toEqual(new Set(['second']));
      const traceIds = new Set(ofSecond?.map(({ traceId }) => traceId));
      expect(traceIds.size).toBe(1);
      const [sent] = actionRequests(neighbours.veeam.control);
      expect(sent?.headers.traceparent).toContain([...traceIds][0]);
      const ended = gateway.log().filter((line) => line.includes('operation ended'));
      expect(ended.map((line) => (JSON.parse(line) as { requestId: string }).requestId)).toEqual(['first', 'second']);
    });

    it('has its start before anything is sent: without that record nothing is', async () => {
      await start();
      const alice = await deskOf('alice');
      const running = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
      const { body: first } = await restore(alice);
      await running.reached;
      const { body } = await restore(alice);
      // What is asked last before the start is recorded.
      const deciding = neighbours.veeam.control.hold({ route: 'OneDrives/{oneDriveId}', method: 'GET' }, 'received');
      running.release();
      await alice.caller.endOf(first.id as string);
      await deciding.reached;
      neighbours.veeam.control.clearReceived();
      // The queue is looked at meanwhile, which commits as well.
      proxy.loseAnswerToCommitAfter('"sent_at" = $3');
      deciding.release();

      const isGivenUp = () => gateway.log().some((line) => line.includes('an operation cannot start yet'));
      await until(isGivenUp);
      expect(actionRequests(neighbours.veeam.control)).toEqual([]);
      // Whether the record was written, nobody could tell; so it is written again, and what it tells of is done once.
      await until(async () => (await alice.caller.operation(body.id as string)).state === 'succeeded', {
        clock,
        by: SECOND,
      });
      expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
      const actions = (await ofOperation(body.id as string)).map(({ action }) => action);
      expect(actions.filter((action) => action === 'operation.started')).toHaveLength(2);
      expect(actions.at(-1)).toBe('operation.ended');
    });
  });

  describe('of a forbid that decides whatever the thing', () => {
    it.each<[string, string, object]>([
      ['POST', '/api/v1/restore-sessions', { organizationId: 'x' }],
      ['GET', '/api/v1/organizations', {}],
      ['GET', '/v5/Organizations', {}],
      ['POST', '/v5/Organizations/x/Action', { explore: {} }],
      [
        'POST',
        '/v5/RestoreSessions/5c1a2b30-0000-4000-8000-00000000c001/Organization/OneDrives/x/Action',
        { save: null },
      ],
    ])('names it: %s %s', async (method, path, body) => {
      policies.write(
        'suspended',
        '@id("suspended") forbid (principal, action, resource) when { principal.groups.contains("contoso-restore-operators") };',
      );
      await start();
      const oscar = await Caller.named('oscar', { ...neighbours, gateway });
      const answer = await oscar.call(method, path, method === 'GET' ? undefined : JSON.stringify(body));
      expectProblem(answer, 'forbidden');
      const records = await recordsOf(neighbours, answer.headers.get('x-request-id') ?? '');
      expect(records).toMatchObject([{ decision: 'deny', policies: ['suspended'] }]);
    });
  });

  describe('of many denials', () => {
    const few: GatewayOptions = {
      adjust: (configuration) => ({
        ...configuration,
        limits: { ...configuration.limits, denialsPerMinute: 3 },
      }),
    };

    async function denials(caller: Desk['caller'], times: number) {
      for (let n = 0; n < times; n++) {
        expectProblem(await caller.post('/api/v1/restore-sessions', { organizationId: 'x' }), 'not-found');
      }
    }

    /** Denials that were recorded since `known`, with their sums. */
    const recorded = async (known: ReadonlySet<string>) =>
      (await auditRecords(neighbours)).filter(({ id, decision }) => decision === 'deny' && !known.has(id));
    const knownIds = async () => new Set((await auditRecords(neighbours)).map(({ id }) => id));

    it('has the first one by one, and the others as a number when the minute is over', async () => {
      await start(few);
      const alice = await deskOf('alice');
      const known = await knownIds();
      await denials(alice.caller, 7);
      expect(await recorded(known)).toHaveLength(3);
      await clock.advance(60 * SECOND);
      await until(async () => (await recorded(known)).length === 4);
      const [first, , , sum] = await recorded(known);
      expect(sum).toMatchObject({
        action: 'openRestoreSession',
        policies: ['default-deny'],
        actor: first?.actor,
        detail: { summed: 4, from: expect.any(String), to: expect.any(String) },
      });
    });

    it('has their number also when the gateway stops', async () => {
      await start(few);
      const alice = await deskOf('alice');
      const known = await knownIds();
      await denials(alice.caller, 5);
      await gateway.close();
      expect((await recorded(known)).map(({ detail }) => detail?.summed)).toEqual([undefined, undefined, undefined, 2]);
    });

    it('refuses to answer while they cannot be recorded', async () => {
      await start(few);
      const alice = await deskOf('alice');
      proxy.goDown();
      try {
        for (let n = 0; n < 5; n++) {
          expectProblem(
            await alice.caller.post('/api/v1/restore-sessions', { organizationId: 'x' }),
            'store-unavailable',
          );
        }
      } finally {
        proxy.comeBack();
      }
      const known = await knownIds();
      await denials(alice.caller, 3);
      expect(await recorded(known)).toHaveLength(3);
    });
  });

  it('has what is browsed, a record for each listing and each OneDrive', async () => {
    await start();
    const oscar = await deskOf('oscar');
    const path = `/api/v1/restore-sessions/${oscar.sid}/onedrives`;
    const about = { action: 'browse', decision: 'allow', policies: ['operators-act-in-their-organizations'] };
    const listed = await oscar.caller.get(path);
    const read = await oscar.caller.get(`${path}/${oscar.oneDrives.Bob}`);
    const [ofList, ofOne] = await Promise.all(
      [listed, read].map(({ headers }) => recordsOf(neighbours, headers.get('x-request-id') ?? '')),
    );
    expect(ofList).toEqual([expect.objectContaining({ ...about, restoreSessionId: oscar.sid })]);
    expect(ofList?.[0]).not.toHaveProperty('item');
    expect(ofOne).toEqual([
      expect.objectContaining({ ...about, item: { kind: 'onedrive', oneDriveId: oscar.oneDrives.Bob } }),
    ]);
  });

  it('has attempts on a session and an operation of somebody else, in their organization', async () => {
    await start();
    const [alice, oscar] = await Promise.all([deskOf('alice'), deskOf('oscar')]);
    const saved = await oscar.caller.post(
      `/api/v1/restore-sessions/${oscar.sid}/onedrives/${oscar.oneDrives.Bob}/save`,
      {},
    );
    const operationId = operationIdOf(saved.headers);
    const attempts = await Promise.all(
      [`restore-sessions/${oscar.sid}`, `operations/${operationId}`, `operations/${operationId.toUpperCase()}`].map(
        (path) => alice.caller.get(`/api/v1/${path}`),
      ),
    );
    const records = await Promise.all(
      attempts.map(async ({ headers }) => (await recordsOf(neighbours, headers.get('x-request-id') ?? ''))[0]),
    );
    const about = { decision: 'deny', policies: ['default-deny'], organization: 'contoso.onmicrosoft.com' };
    expect(records).toMatchObject([
      { ...about, action: 'useRestoreSession', restoreSessionId: oscar.sid, upstreamSessionId: expect.any(String) },
      { ...about, action: 'readOperations', operationId },
      { ...about, action: 'readOperations', operationId },
    ]);
  });
});
