import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { LeftOperations } from '../apps/gateway/src/operations/left-operations.js';
import { Caller, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { waitingFor } from './support/locks.js';
import { rawAnswer } from './support/raw-caller.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const LEASE = 60 * SECOND;

const leased = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, leaseMs: LEASE },
});

/** A replica whose clock stands still renews no lease: as one that cannot reach the database, and others can. */
describe.each(dialects)('a download from $version whose replica stands still beyond its lease', ({ version }) => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let owner: pg.Client;
  let clock: ManualClock;
  let gateway: Gateway;
  let otherClock: ManualClock;
  let other: Gateway;
  let alice: Desk;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
  });
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    otherClock = new ManualClock(clock.now());
    [gateway, other] = await Promise.all([start(clock), start(otherClock)]);
    alice = await openDesk('alice', { ...neighbours, gateway });
    control.clearReceived();
  });
  afterEach(async () => {
    control.clearFaults();
    control.setSaveMode({ contentLength: true, compressed: false });
    await Promise.all([gateway.close(), other.close()]);
  });
  afterAll(async () => {
    await owner.end();
    await neighbours.close();
  });

  const start = (at: ManualClock) =>
    startGateway(neighbours, { clock: at, adjust: leased, environment: { VEEAM_API_VERSION: version } });
  const path = () => `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/save`;

  async function newest() {
    const { body } = await alice.caller.get('/api/v1/operations?limit=1');
    return body.items[0];
  }

  async function endedElsewhere(): Promise<void> {
    const elsewhere = new Caller(other.url, alice.caller.token);
    const { id } = await newest();
    await until(async () => (await elsewhere.operation(id as string)).state === 'interrupted', {
      clock: otherClock,
      by: 10 * SECOND,
    });
  }

  it.each([{ contentLength: true }, { contentLength: false }])(
    'never ends cleanly once another one has ended it (upstream says the length: $contentLength)',
    async ({ contentLength }) => {
      control.setSaveMode({ contentLength });
      const hold = control.hold({ action: 'save' }, 'done');
      const seen = rawAnswer(gateway.url, { path: path(), token: alice.caller.token });
      await hold.reached;
      await endedElsewhere();
      hold.release();

      const answer = await seen;
      expect(answer).toMatchObject({ status: 200, isWhole: false });
      const id = operationIdOf(new Headers([...answer.headers]));
      const operation = await alice.caller.operation(id);
      expect(operation).toMatchObject({ state: 'interrupted', problem: { code: 'upstream-broken' } });
      expect(operation).not.toHaveProperty('sha256');
      const ends = (await auditRecords(neighbours)).filter(
        ({ operationId, action }) => operationId === id && action === 'operation.ended',
      );
      expect(ends).toMatchObject([{ outcome: 'interrupted' }]);
    },
  );

  it('is not given up by one that has just started: the database may have been away until then', async () => {
    const hold = control.hold({ action: 'save' }, 'done');
    const seen = rawAnswer(gateway.url, { path: path(), token: alice.caller.token });
    await hold.reached;
    const startedClock = new ManualClock(clock.now() + 2 * LEASE);
    const started = await start(startedClock);
    try {
      await startedClock.advance(LEASE - SECOND);
      await started.app.get(LeftOperations).sweep();
      expect(await newest()).toMatchObject({ state: 'submitting' });
      await until(async () => (await newest()).state === 'interrupted', { clock: startedClock, by: SECOND });
      hold.release();
      expect(await seen).toMatchObject({ isWhole: false });
    } finally {
      await started.close();
    }
  });

  it('while it is recorded is not asked for upstream', async () => {
    await owner.query('begin');
    await owner.query('lock table operations in exclusive mode');
    const answer = alice.caller.post(path(), {});
    await until(async () => (await waitingFor(owner)) > 0);
    await clock.advance((LEASE * 2) / 3);
    await owner.query('commit');

    expectProblem(await answer, 'store-unavailable');
    expect(Number((await answer).headers.get('retry-after'))).toBeGreaterThan(0);
    expect(actionRequests(control)).toEqual([]);
    expect(await newest()).toMatchObject({
      action: 'save',
      state: 'failed',
      problem: { code: 'store-unavailable', detail: expect.stringContaining('nothing of it was sent') as string },
    });
  });
});
