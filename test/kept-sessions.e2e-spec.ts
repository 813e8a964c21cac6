import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { until, whileAdvancing } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const IDLE = 2 * MINUTE;
const NEVER = 24 * 60 * MINUTE;

/** One operation at a time in all; what is interrupted by a shutdown is so at once. */
const adjust = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: {
    ...configuration.limits,
    sessionIdleMs: IDLE,
    operationsPerOrganization: 1,
    leaseMs: NEVER,
    queueAgeMs: NEVER,
    shutdownGraceMs: 0,
  },
});

describe.each(dialects)(
  'a restore session on $version that an operation needs',
  ({ version, lostState, ...dialect }) => {
    let neighbours: Neighbours;
    let clock: ManualClock;
    let gateway: Gateway;

    beforeAll(async () => {
      neighbours = await startNeighbours();
      clock = new ManualClock(Date.now());
      gateway = await start();
    });
    afterAll(async () => {
      neighbours.veeam.control.clearFaults();
      await gateway.close();
      await neighbours.close();
    });

    const start = () => startGateway(neighbours, { clock, adjust, environment: { VEEAM_API_VERSION: version } });
    // So little that no request in flight runs into its time-out, on however slow a machine.
    const moving = () => ({ clock, by: 2 * SECOND });
    const desk = () => openDesk('alice', { ...neighbours, gateway });
    const restore = async ({ caller, sid, oneDrives }: Desk) => {
      const { body } = await caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`, {});
      return body.id as string;
    };
    const isIn = ({ caller }: Desk, id: string, ...states: string[]) =>
      until(async () => states.includes((await caller.operation(id)).state as string), moving());

    const stateOf = ({ upstreamSid }: Desk) =>
      neighbours.veeam.control.sessions().find(({ id }) => id === upstreamSid)?.state;

    it('is not stopped by expiry nor shutdown, nor by the end of its replica, but once nothing needs it', async () => {
      const { control } = neighbours.veeam;
      const unreconciled = await desk();
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'done' } });
      control.addFault({
        match: { method: 'GET', path: dialect.restoreLog },
        fault: { kind: 'answer', status: 500 },
        times: 100_000,
      });
      const lost = await restore(unreconciled);
      await isIn(unreconciled, lost, 'interrupted');
      await control.settled();
      // Where a restore has a session of its own: later than what could be taken for it.
      if (lostState === 'succeeded') await clock.advance(7 * MINUTE);
      const [running, waiting, unneeded] = [await desk(), await desk(), await desk()];
      const hold = control.hold({ action: 'restore' }, 'running');
      const held = await restore(running);
      await hold.reached;
      const queued = await restore(waiting);

      await clock.advance(IDLE);
      await until(() => stateOf(unneeded) === 'Stopped', moving());
      expect([unreconciled, running, waiting].map(stateOf)).toEqual(['Working', 'Working', 'Working']);
      gateway = await restarted();
      expect([unreconciled, running, waiting].map(stateOf)).toEqual(['Working', 'Working', 'Working']);
      const { caller } = await desk();
      expect(await caller.operation(queued)).toMatchObject({ state: 'accepted' });
      for (const { sid } of [unreconciled, running, waiting]) {
        expect(await caller.delete(`/api/v1/restore-sessions/${sid}`)).toMatchObject({
          status: 409,
          body: { code: 'operation-conflict' },
        });
      }

      control.clearFaults();
      hold.release();
      await until(async () => (await caller.operation(queued)).state === 'succeeded', moving());
      const ends = await Promise.all([lost, held].map((id) => caller.operation(id)));
      expect(ends.map(({ state }) => state as string)).toEqual(['interrupted', lostState]);
      await until(async () => (await caller.operation(lost)).reconciliation?.finding === 'done', moving());
      await until(() => [unreconciled, running, waiting].every((one) => stateOf(one) === 'Stopped'), moving());
    });

    it('is in use until that has ended, and closes its idle time later', async () => {
      const { control } = neighbours.veeam;
      const one = await desk();
      const hold = control.hold({ action: 'restore' }, 'running');
      const held = await restore(one);
      await hold.reached;
      for (let passed = 0; passed < 2 * IDLE; passed += MINUTE) await clock.advance(MINUTE);
      hold.release();
      await isIn(one, held, 'succeeded');
      const session = async () => (await one.caller.get(`/api/v1/restore-sessions/${one.sid}`)).body;
      const { endedAt } = await one.caller.operation(held);
      const expiresAt = new Date(Date.parse(endedAt as string) + IDLE).toISOString();
      await until(async () => (await session()).expiresAt === expiresAt);
      // The sweep of each minute has passed it by meanwhile.
      await clock.advance(IDLE - MINUTE);
      expect(await session()).toMatchObject({ state: 'open' });
      await until(async () => (await session()).state === 'stopped', moving());
      expect(clock.now()).toBeGreaterThan(Date.parse(expiresAt));
    });

    async function restarted(): Promise<Gateway> {
      const isStopped = ({ kind, state }: { kind: string; state: string }) => kind === 'explore' && state === 'Stopped';
      await whileAdvancing({ clock, by: SECOND }, gateway.close());
      expect(neighbours.veeam.control.sessions().filter(isStopped)).toHaveLength(1);
      return start();
    }
  },
);
