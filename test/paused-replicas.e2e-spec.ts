import pg from 'pg';

import { Caller } from './support/caller.js';
import { ConnectionGate } from './support/connection-gate.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { type GatewayProcess, startGatewayProcess } from './support/gateway-process.js';
import { changedSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Neighbours, startNeighbours } from './support/world.js';

jest.setTimeout(120_000);

const LEASE = '2s';
const NOTICED = 'an operation was ended by another replica meanwhile';

/** Real processes and real time: a process that stands still has a clock that goes on. */
describe.each(dialects)(
  'an operation on $version whose replica stands still beyond its lease, and goes on',
  ({ version, heldState, lostState }) => {
    let neighbours: Neighbours;
    let gate: ConnectionGate;
    let environment: Record<string, string>;
    let owner: pg.Client;
    let paused: GatewayProcess;
    let other: GatewayProcess | undefined;
    let alice: Desk;

    beforeAll(async () => {
      neighbours = await startNeighbours();
      gate = await ConnectionGate.start(neighbours.veeam.url);
      environment = {
        VEEAM_URL: gate.url,
        VEEAM_API_VERSION: version,
        ...(await changedSettings(neighbours, ({ limits }) => ({ limits: { ...limits, lease: LEASE } }))),
      };
      owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
      await owner.connect();
    });
    beforeEach(async () => {
      paused = await startGatewayProcess(neighbours, environment);
      alice = await deskAt(paused);
      neighbours.veeam.control.clearReceived();
    });
    afterEach(async () => {
      neighbours.veeam.control.clearFaults();
      gate.open();
      await Promise.all([paused.kill(), other?.kill()]);
      other = undefined;
    });
    afterAll(async () => {
      await owner.end();
      await gate.close();
      await neighbours.close();
    });

    const deskAt = ({ url }: GatewayProcess) =>
      openDesk('alice', { ...neighbours, gateway: { url, now: () => Date.now() } });

    async function restore({ caller, sid, oneDrives }: Desk): Promise<string> {
      const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`;
      const { status, body } = await caller.post(path, { documentAction: 'overwrite' });
      expect(status).toBe(202);
      return body.id as string;
    }

    async function row(id: string) {
      const { rows } = await owner.query<{ state: string; sent: boolean; epoch: number }>(
        'select state, sent_at is not null as sent, epoch from operations where id = $1',
        [id],
      );
      return rows[0];
    }

    /** The other replica, and what it makes of the operation. */
    async function endElsewhere(id: string) {
      other = await startGatewayProcess(neighbours, environment);
      return new Caller(other.url, alice.caller.token).endOf(id);
    }

    /** Whatever it had begun is behind what it does from start to end afterwards. */
    async function goOn(): Promise<void> {
      paused.resume();
      const { caller, sid, oneDrives } = await deskAt(paused);
      const saved = await caller.fetch(
        'POST',
        `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/save`,
        '{}',
      );
      expect(saved.status).toBe(200);
      await saved.arrayBuffer();
    }

    const restoresSent = () =>
      actionRequests(neighbours.veeam.control).filter(({ action }) => action === 'restore').length;

    async function expectEndedOnce(id: string, state: string): Promise<void> {
      expect(await row(id)).toMatchObject({ state });
      const ends = (await auditRecords(neighbours)).filter(
        ({ operationId, action }) => operationId === id && action === 'operation.ended',
      );
      expect(ends).toMatchObject([{ outcome: state }]);
    }

    it('before it was on record that it starts: it is done elsewhere, and not sent again', async () => {
      const { control } = neighbours.veeam;
      const first = control.hold({ action: 'restore' }, 'done');
      await restore(alice);
      await first.reached;
      const id = await restore(alice);
      // The decision at the start reads the catalog.
      const reading = control.hold({ method: 'GET', route: 'OneDrives' });
      first.release();
      await reading.reached;
      expect(await row(id)).toMatchObject({ state: 'submitting', sent: false });
      paused.pause();
      reading.release();

      const sending = control.hold({ action: 'restore' }, 'done');
      other = await startGatewayProcess(neighbours, environment);
      await sending.reached;
      const claimed = await row(id);
      expect(claimed).toMatchObject({ state: 'submitting', sent: true });
      await goOn();
      expect(restoresSent()).toBe(2);
      expect(await row(id)).toMatchObject({ state: 'submitting', epoch: claimed?.epoch });
      sending.release();
      expect(await alice.caller.endOf(id)).toMatchObject({ state: 'succeeded' });
      await expectEndedOnce(id, 'succeeded');
    });

    it('before a connection stood: nothing of it is sent', async () => {
      gate.shut();
      const id = await restore(alice);
      await until(async () => gate.held > 0 && (await row(id))?.sent);
      paused.pause();
      gate.open();
      expect(await endElsewhere(id)).toMatchObject({ state: 'interrupted' });
      const ended = await row(id);
      await goOn();
      expect(restoresSent()).toBe(0);
      expect(await row(id)).toEqual(ended);
      await expectEndedOnce(id, 'interrupted');
    });

    it(`while upstream works: it ends as ${lostState} elsewhere, and that is not written over`, async () => {
      const { control } = neighbours.veeam;
      const hold = control.hold({ action: 'restore' }, 'running');
      const id = await restore(alice);
      await hold.reached;
      await until(async () => (await row(id))?.state === heldState);
      paused.pause();
      if (lostState === 'succeeded') hold.release();
      expect(await endElsewhere(id)).toMatchObject({ state: lostState });
      hold.release();
      await control.settled();
      const ended = await row(id);
      paused.resume();
      await until(() => paused.log().some((line) => line.includes(NOTICED)));
      expect(actionRequests(control)).toHaveLength(1);
      expect(await row(id)).toEqual(ended);
      await expectEndedOnce(id, lostState);
    });
  },
);
