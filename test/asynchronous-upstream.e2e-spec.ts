import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { type Answer } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { followedDialects } from './support/dialects.js';
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

/** Upstream answers a restore at once, and goes on with it by itself: what other versions know nothing of. */
describe.each(followedDialects)('an operation that $version goes on with by itself', ({ version }) => {
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
      environment: { VEEAM_API_VERSION: version },
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
  const endOf = ({ caller }: Desk, id: string) => caller.endOf(id, moving());
  const following = ({ caller }: Desk, id: string) =>
    until(async () => (await caller.operation(id)).state === 'following', moving());

  it('is handed over when its replica is stopped, and not sent again', async () => {
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

  it('is handed over at once by a replica that waits for an answer of upstream', async () => {
    const { control } = neighbours.veeam;
    const [first, second] = [await start(), await start()];
    const alice = await deskOf(first);
    const hold = control.hold({ action: 'restore' }, 'running');
    const { body } = await restore(alice);
    await following(alice, body.id as string);
    control.clearReceived();
    const silent = { match: { method: 'GET', route: 'RestoreSessions/{' }, fault: { kind: 'never-answer' } } as const;
    control.addFault({ ...silent, times: Infinity });
    await until(() => control.received().some(({ route }) => route?.includes('RestoreSessions/{')), moving());
    await first.close();
    gateways = [second];
    control.clearFaults();
    hold.release();
    const there = { ...alice, caller: (await deskOf(second)).caller };
    const before = clock.now();
    expect(await endOf(there, body.id as string)).toMatchObject({ state: 'succeeded' });
    expect(clock.now() - before).toBeLessThan(LEASE / 2);
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

  it('is not mistaken for a session that was opened again meanwhile', async () => {
    const { control } = neighbours.veeam;
    const alice = await deskOf(await start());
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'done' } });
    const { body } = await restore(alice);
    expect(await endOf(alice, body.id as string)).toMatchObject({ state: 'interrupted' });
    control.stopSession(alice.upstreamSid);
    expect(await alice.caller.oneDrives(alice.sid)).toHaveLength(1);
    const reconciled = await until(async () => {
      const { reconciliation } = await alice.caller.operation(body.id as string);
      return reconciliation as object | undefined;
    }, moving());
    expect(reconciled).toMatchObject({ finding: 'done' });
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
});
