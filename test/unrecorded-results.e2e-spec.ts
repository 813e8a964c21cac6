import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { type Desk, openDesk } from './support/desk.js';
import { dialects, followedDialects } from './support/dialects.js';
import { type Moving, until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;

const leased = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, leaseMs: 60 * SECOND },
});

/** Whatever the reason is: the database takes everything but that. */
describe('what came of an operation and cannot be recorded', () => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let owner: pg.Client;
  let clock: ManualClock;
  let gateway: Gateway;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    await owner.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$`,
    );
  });
  beforeEach(() => {
    clock = new ManualClock(Date.now());
  });
  afterEach(async () => {
    control.clearFaults();
    await permit();
    await gateway.close();
  });
  afterAll(async () => {
    await owner.end();
    await neighbours.close();
  });

  /** @param change of `old` to `new` */
  const refuse = (change: string) =>
    owner.query(
      `create trigger refusal before update on operations for each row when (${change}) execute function refuse()`,
    );
  const permit = () => owner.query('drop trigger if exists refusal on operations');

  async function deskOn(version: string): Promise<Desk> {
    const environment = { VEEAM_API_VERSION: version };
    gateway = await startGateway(neighbours, { clock, adjust: leased, environment });
    const desk = await openDesk('alice', { ...neighbours, gateway });
    control.clearReceived();
    return desk;
  }

  async function restore({ caller, sid, oneDrives }: Desk): Promise<string> {
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`;
    const { status, body } = await caller.post(path, {});
    expect(status).toBe(202);
    return body.id as string;
  }

  const isRefused = (moving?: Moving) =>
    until(() => gateway.log().some((line) => line.includes('A statement failed.')), moving);

  it.each(followedDialects)('does not make it failed on $version: upstream goes on with it', async ({ version }) => {
    const alice = await deskOn(version);
    await refuse(`new.state = 'following' and old.state = 'submitting'`);
    const id = await restore(alice);
    await isRefused();
    expect(await alice.caller.operation(id)).toMatchObject({ state: 'submitting' });
    await permit();
    expect(await alice.caller.endOf(id, { clock, by: 5 * SECOND })).toMatchObject({
      state: 'interrupted',
      problem: { detail: expect.stringContaining('may have been done') as string },
    });
    expect(actionRequests(control)).toHaveLength(1);
  });

  it.each(followedDialects)('is not taken for a conflict that $version has of its own', async ({ version }) => {
    const alice = await deskOn(version);
    const hold = control.hold({ action: 'restore' }, 'done');
    const first = await restore(alice);
    await hold.reached;
    const id = await restore(alice);
    control.addFault({
      match: { method: 'GET', route: 'OneDrives' },
      fault: { kind: 'answer', status: 409, body: { errorCode: 'OrganizationTransfer', message: 'moving' } },
    });
    hold.release();
    const moving = { clock, by: SECOND };
    expect(await alice.caller.endOf(first, moving)).toMatchObject({ state: 'succeeded' });
    const before = clock.now();
    expect(await alice.caller.endOf(id, moving)).toMatchObject({ state: 'succeeded' });
    // Sooner than a lease is over: it was given back to the queue.
    expect(clock.now() - before).toBeLessThan(40 * SECOND);
    expect(gateway.log().filter((line) => line.includes('cannot start yet'))).toHaveLength(1);
  });

  it.each(dialects)('keeps one in the queue that could not be begun on $version', async ({ version }) => {
    const alice = await deskOn(version);
    const hold = control.hold({ action: 'restore' }, 'done');
    const first = await restore(alice);
    await hold.reached;
    const id = await restore(alice);
    await refuse(`new.state = 'accepted' and old.state = 'submitting'`);
    control.addFault({
      match: { method: 'GET', route: 'OneDrives' },
      fault: { kind: 'answer', status: 503 },
      times: 10,
    });
    hold.release();
    await isRefused({ clock, by: SECOND });
    control.clearFaults();
    expect(await alice.caller.operation(id)).toMatchObject({ state: 'submitting' });
    await permit();
    const moving = { clock, by: 5 * SECOND };
    expect(await alice.caller.endOf(first, moving)).toMatchObject({ state: 'succeeded' });
    expect(await alice.caller.endOf(id, moving)).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(control)).toHaveLength(2);
  });
});
