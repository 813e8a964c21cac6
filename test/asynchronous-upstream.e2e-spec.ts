import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { stackTraceMarker } from '../apps/veeam-sandbox/src/index.js';
import { type Answer } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

const SECOND = 1_000;
const LEASE = 60 * SECOND;

const patient = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, leaseMs: LEASE, sessionIdleMs: 24 * 3_600 * SECOND, requestsPerWindow: 100_000 },
});

/** v8 answers a restore at once, and goes on with it by itself. */
describe('an operation that upstream goes on with by itself', () => {
  let neighbours: Neighbours;
  let clock: ManualClock;
  let gateways: Gateway[];

  beforeAll(async () => {
    neighbours = await startNeighbours();
  });
  afterAll(() => neighbours.close());
  beforeEach(() => {
    gateways = [];
    clock = new ManualClock(Date.now());
    neighbours.veeam.control.clearReceived();
  });
  afterEach(async () => {
    neighbours.veeam.control.clearFaults();
    await Promise.all(gateways.map((gateway) => gateway.close()));
  });

  async function start(): Promise<Gateway> {
    const gateway = await startGateway(neighbours, {
      clock,
      environment: { VEEAM_API_VERSION: 'v8' },
      adjust: patient,
    });
    gateways.push(gateway);
    return gateway;
  }

  const deskOf = (gateway: Gateway, name = 'alice') => openDesk(name, { ...neighbours, gateway });
  const restore = ({ caller, sid, oneDrives }: Desk): Promise<Answer> =>
    caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`, {
      documentAction: 'overwrite',
    });
  const moving = () => ({ clock, by: SECOND });
  const endOf = ({ caller }: Desk, id: string) =>
    until(async () => {
      const operation = await caller.operation(id);
      return !['accepted', 'submitting', 'following'].includes(operation.state as string) && operation;
    }, moving());
  const following = ({ caller }: Desk, id: string) =>
    until(async () => (await caller.operation(id)).state === 'following', moving());

  it('is followed to its end, with the counts that upstream gives', async () => {
    const alice = await deskOf(await start());
    const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
    const { status, body } = await restore(alice);
    expect(status).toBe(202);
    await following(alice, body.id as string);
    hold.release();
    const ended = await endOf(alice, body.id as string);
    expect(ended).toMatchObject({ state: 'succeeded', outcome: { failed: 0, issues: [] } });
    expect(ended.outcome.restored).toBe(ended.outcome.total);
    expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
  });

  it('tells how far it is', async () => {
    const alice = await deskOf(await start());
    const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'item');
    const { body } = await restore(alice);
    await hold.reachedBy(1);
    hold.step(1);
    await hold.reachedBy(2);
    const progress = await until(async () => {
      const { progress: told } = await alice.caller.operation(body.id as string);
      return told?.percentage > 0 && (told as Record<'total' | 'restored' | 'skipped' | 'percentage', number>);
    }, moving());
    const { total, restored, skipped, percentage } = progress;
    expect(restored + skipped).toBe(1);
    expect(percentage).toBe(Math.floor(100 / total));
    hold.release();
    await endOf(alice, body.id as string);
  });

  it.each([
    ['partially-succeeded', { failures: 1 }],
    ['succeeded', { nothingRestored: true }],
    ['failed', { breaksOff: 'The proxy went away.' }],
  ] as const)('ends as %s when upstream says %j', async (state, outcome) => {
    const alice = await deskOf(await start());
    neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', ...outcome } });
    const { body } = await restore(alice);
    expect(await endOf(alice, body.id as string)).toMatchObject({ state });
  });

  it('is taken over when its replica gives no sign of life, and not sent again', async () => {
    const [first, second] = [await start(), await start()];
    const alice = await deskOf(first);
    const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
    const { body } = await restore(alice);
    await following(alice, body.id as string);
    await first.close();
    gateways = [second];
    hold.release();
    const there = { ...alice, caller: (await deskOf(second)).caller };
    expect(await endOf(there, body.id as string)).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
    const records = (await auditRecords(neighbours)).filter(({ operationId }) => operationId === body.id);
    expect(records.map(({ action }) => action)).toEqual([
      'restore',
      'operation.started',
      'credential-profile.used',
      'operation.ended',
    ]);
  });

  it('is interrupted when upstream no longer knows it', async () => {
    const alice = await deskOf(await start());
    const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
    const { body } = await restore(alice);
    await following(alice, body.id as string);
    const followed = neighbours.veeam.control
      .sessions()
      .find(({ kind, state }) => kind === 'restore' && state !== 'Stopped');
    neighbours.veeam.control.forgetSession(followed?.id ?? '');
    expect(await endOf(alice, body.id as string)).toMatchObject({
      state: 'interrupted',
      problem: { code: 'upstream-broken' },
    });
    hold.release();
  });

  it('is asked for again and again while upstream cannot tell how it is', async () => {
    const alice = await deskOf(await start());
    const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
    const { body } = await restore(alice);
    await following(alice, body.id as string);
    const fault = neighbours.veeam.control.addFault({
      match: { method: 'GET', route: 'RestoreSessions/{' },
      fault: { kind: 'answer', status: 500 },
      times: 1_000,
    });
    hold.release();
    await clock.advance(20 * SECOND);
    expect(await alice.caller.operation(body.id as string)).toMatchObject({ state: 'following' });
    neighbours.veeam.control.removeFault(fault);
    expect(await endOf(alice, body.id as string)).toMatchObject({ state: 'succeeded' });
  });

  it('is interrupted when the answer with its id is lost, and later found to be done', async () => {
    const gateway = await start();
    const alice = await deskOf(gateway);
    neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'done' } });
    const { body } = await restore(alice);
    expect(await endOf(alice, body.id as string)).toMatchObject({ state: 'interrupted' });
    await neighbours.veeam.control.settled();
    const session = `/api/v1/restore-sessions/${alice.sid}`;
    expect(await alice.caller.delete(session)).toMatchObject({ status: 409 });
    const reconciled = await until(async () => {
      const { reconciliation } = await alice.caller.operation(body.id as string);
      return reconciliation as { finding: string } | undefined;
    }, moving());
    expect(reconciled).toMatchObject({ finding: 'done' });
    expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
    expect((await alice.caller.delete(session)).status).toBe(204);
    const records = (await auditRecords(neighbours)).filter(({ operationId }) => operationId === body.id);
    expect(records.at(-1)).toMatchObject({ action: 'operation.reconciled', outcome: 'done' });
    expect(gateway.log().join()).not.toContain(stackTraceMarker);
  });
});
