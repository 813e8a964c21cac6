import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import pg from 'pg';

import { type Desk, openDesk } from './support/desk.js';
import { blockingDialects, followedDialects } from './support/dialects.js';
import { emptyFolder } from './support/files.js';
import { until } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Leases that outlast hours of the gateway's clock, and restores that are followed for twenty minutes. */
const patient = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: {
    ...configuration.limits,
    ...{ leaseMs: 24 * HOUR, sessionIdleMs: 24 * HOUR, queueAgeMs: 20 * HOUR, followMaxMs: 20 * MINUTE },
    requestsPerWindow: 100_000,
    shutdownGraceMs: 0,
  },
});

/** What is found out later of operations whose answers were lost: never more than upstream's log tells of them alone. */
describe('of an operation whose answer was lost', () => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let clock: ManualClock;
  let gateway: Gateway;

  beforeEach(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
    clock = new ManualClock(Date.now());
  });
  afterEach(async () => {
    control.reset();
    await gateway.close();
    await neighbours.close();
  });

  async function start(version: string): Promise<void> {
    gateway = await startGateway(neighbours, { clock, adjust: patient, environment: { VEEAM_API_VERSION: version } });
  }
  async function restart(version: string): Promise<void> {
    await gateway.close();
    await start(version);
  }
  const deskOf = (name: string, organization?: string) => openDesk(name, { ...neighbours, gateway }, organization);
  const moving = (by = 10 * SECOND) => ({ clock, by });

  async function restore({ caller, sid, oneDrives }: Desk, owner = 'Alice'): Promise<string> {
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives[owner]}/restore`;
    const { status, body } = await caller.post(path, { documentAction: 'overwrite' });
    expect(status).toBe(202);
    return body.id as string;
  }
  const stateOf = async ({ caller }: Desk, id: string) => (await caller.operation(id)).state as string;
  const reached = (desk: Desk, id: string, state: string, by = 100) =>
    until(async () => (await stateOf(desk, id)) === state, moving(by));
  const findingOf = ({ caller }: Desk, id: string) =>
    until(async () => (await caller.operation(id)).reconciliation as object | undefined, moving());
  /** `received`: upstream never began with it; `done`: it was done. */
  const loseAnswer = (stage: 'received' | 'done') =>
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage } });

  describe.each(blockingDialects)('on $version', ({ version, restoreLog }) => {
    let alice: Desk;
    beforeEach(async () => {
      await start(version);
      alice = await deskOf('alice');
    });

    it('nothing is believed by the lines of the operation before it', async () => {
      // The sandbox logs by the clock of this machine, which the gateway's catches up with.
      await gateway.close();
      clock = new ManualClock(Date.now() - 2 * MINUTE);
      await start(version);
      alice = await deskOf('alice');
      const hold = control.hold({ action: 'restore' }, 'item');
      const earlier = await restore(alice);
      await hold.reached;
      const lost = await restore(alice);
      await clock.advance(2 * MINUTE);
      loseAnswer('received');
      hold.release();
      await reached(alice, lost, 'interrupted');
      expect(await stateOf(alice, earlier)).toBe('succeeded');
      expect(control.actions()).toHaveLength(1);
      expect(await findingOf(alice, lost)).toMatchObject({ finding: 'unknown' });
    });

    it('nothing is believed by the lines of an operation after it, however late upstream could be asked', async () => {
      loseAnswer('received');
      const lost = await restore(alice);
      await reached(alice, lost, 'interrupted');
      const fault = { kind: 'answer', status: 503, body: {} } as const;
      control.addFault({ match: { method: 'GET', path: restoreLog }, fault, times: Infinity });
      await clock.advance(10 * MINUTE);
      await reached(alice, await restore(alice), 'succeeded');
      control.clearFaults();
      expect(control.actions()).toHaveLength(1);
      expect(await findingOf(alice, lost)).toMatchObject({ finding: 'unknown' });
    });

    it('it is believed to be not done where there are no lines at all, whatever was done before', async () => {
      await reached(alice, await restore(alice), 'succeeded');
      await clock.advance(10 * MINUTE);
      await emptyFolder(neighbours.veeam.productionDir);
      loseAnswer('received');
      const lost = await restore(alice);
      await reached(alice, lost, 'interrupted');
      expect(await findingOf(alice, lost)).toMatchObject({ finding: 'not-done' });
    });

    it('nothing is believed of what was sent by a version that this gateway does not know', async () => {
      loseAnswer('received');
      const lost = await restore(alice);
      await reached(alice, lost, 'interrupted');
      const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
      await owner.connect();
      await owner.query(`update operations set sent_version = 'v99' where id = $1`, [lost]);
      await owner.end();
      const found = await findingOf(alice, lost);
      expect(found).toMatchObject({ finding: 'unknown', detail: expect.stringContaining('v99') as string });
    });

    it.each(followedDialects)('it is found by what $version reads in the log, after an upgrade', async (newer) => {
      loseAnswer('done');
      const done = await restore(alice);
      await reached(alice, done, 'interrupted');
      await restart(newer.version);
      const found = await findingOf({ ...alice, caller: (await deskOf('alice')).caller }, done);
      expect(found).toMatchObject({ finding: 'done' });
    });

    it.each(followedDialects)('nothing is believed by the silence of $version, after an upgrade', async (newer) => {
      loseAnswer('received');
      const lost = await restore(alice);
      await reached(alice, lost, 'interrupted');
      await restart(newer.version);
      const found = await findingOf({ ...alice, caller: (await deskOf('alice')).caller }, lost);
      expect(found).toMatchObject({ finding: 'unknown', detail: expect.stringContaining(version) as string });
    });
  });

  describe.each(followedDialects)('on $version', ({ version }) => {
    let alice: Desk;
    beforeEach(async () => {
      await start(version);
      alice = await deskOf('alice');
    });

    const lose = async (desk: Desk, owner: string, stage: 'received' | 'done') => {
      loseAnswer(stage);
      const id = await restore(desk, owner);
      await reached(desk, id, 'interrupted');
      return id;
    };
    /** The session that a restore has of its own. */
    const own = () => control.sessions().filter(({ kind }) => kind === 'restore');

    it('nothing is believed by the session of a restore of somebody else, whose answer was lost as well', async () => {
      const bob = await deskOf('bob');
      const [never, done] = [await lose(alice, 'Alice', 'received'), await lose(bob, 'Bob', 'done')];
      expect(own()).toHaveLength(1);
      expect(await findingOf(alice, never)).toMatchObject({ finding: 'unknown' });
      expect(await findingOf(bob, done)).toMatchObject({ finding: 'unknown' });
    });

    it('nothing is believed of it by the session of another organization', async () => {
      const fred = await deskOf('fred', 'fabrikam.onmicrosoft.com');
      const [never, done] = [await lose(alice, 'Alice', 'received'), await lose(fred, 'Fred', 'done')];
      expect(own()).toHaveLength(1);
      expect(await findingOf(alice, never)).toMatchObject({ finding: 'not-done' });
      expect(await findingOf(fred, done)).toMatchObject({ finding: 'unknown' });
    });

    it('nothing is believed by a session in which nothing was restored', async () => {
      const lost = await lose(alice, 'Alice', 'received');
      control.addFault({ match: { action: 'explore' }, fault: { kind: 'close', stage: 'done' } });
      await expect(deskOf('alice')).rejects.toThrow();
      const browsing = control.sessions().filter(({ kind }) => kind === 'explore');
      expect(browsing).toHaveLength(2);
      for (const { id } of browsing) if (id !== alice.upstreamSid) control.stopSession(id);
      expect(await findingOf(alice, lost)).toMatchObject({ finding: 'unknown' });
      expect(control.actions()).toEqual([]);
    });

    it('it is found to be done by its session, in which something was restored', async () => {
      const lost = await lose(alice, 'Alice', 'done');
      expect(await findingOf(alice, lost)).toMatchObject({
        finding: 'done',
        detail: expect.stringContaining('ended with success') as string,
      });
    });

    it('its end is found where it was only followed for too long', async () => {
      const hold = control.hold({ action: 'restore' }, 'item');
      const slow = await restore(alice);
      await reached(alice, slow, 'following');
      await clock.advance(20 * MINUTE);
      await reached(alice, slow, 'interrupted');
      await clock.advance(10 * MINUTE);
      expect((await alice.caller.operation(slow)).reconciliation).toBeUndefined();
      hold.release();
      expect(await findingOf(alice, slow)).toMatchObject({ finding: 'done' });
    });

    it('nothing is believed by an answer of something that is not the backup server', async () => {
      const hold = control.hold({ action: 'restore' }, 'item');
      const id = await restore(alice);
      await reached(alice, id, 'following');
      const answer = { kind: 'answer', status: 404, body: '<html>Not here</html>' } as const;
      control.addFault({ match: { method: 'GET', path: own()[0]?.id ?? '' }, fault: answer, times: 3 });
      await clock.advance(10 * SECOND);
      expect(await stateOf(alice, id)).toBe('following');
      hold.release();
      await reached(alice, id, 'succeeded');
    });

    it.each(blockingDialects)('nobody waits for an end that $version cannot tell, after a way back', async (older) => {
      const hold = control.hold({ action: 'restore' }, 'item');
      const id = await restore(alice);
      await reached(alice, id, 'following');
      await restart(older.version);
      const back = { ...alice, caller: (await deskOf('alice')).caller };
      await reached(back, id, 'interrupted', SECOND);
      hold.release();
      await restart(version);
      const again = { ...alice, caller: (await deskOf('alice')).caller };
      expect(await findingOf(again, id)).toMatchObject({ finding: 'done' });
    });

    it.each(blockingDialects)('nothing is believed by the silence of $version, after a way back', async (older) => {
      const lost = await lose(alice, 'Alice', 'done');
      await restart(older.version);
      const found = await findingOf({ ...alice, caller: (await deskOf('alice')).caller }, lost);
      expect(found).toMatchObject({ finding: 'unknown', detail: expect.stringContaining(version) as string });
    });
  });
});
