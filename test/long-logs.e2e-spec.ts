import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { type Desk, openDesk } from './support/desk.js';
import { blockingDialects } from './support/dialects.js';
import { until } from './support/until.js';
import { WatchedEvents } from './support/watched-events.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** More than one look at the progress of a restore reads. */
const EARLIER_LINES = 12_000;

const patient = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, leaseMs: 60 * MINUTE, requestsPerWindow: 100_000 },
});

describe.each(blockingDialects)('a restore in a session that has logged thousands of lines, on $version', (dialect) => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let clock: ManualClock;
  let gateway: Gateway;
  let alice: Desk;

  beforeEach(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
    clock = new ManualClock(Date.now());
    const environment = { VEEAM_API_VERSION: dialect.version };
    gateway = await startGateway(neighbours, { clock, environment, adjust: patient });
    alice = await openDesk('alice', { ...neighbours, gateway });
    control.fillLog(alice.upstreamSid, EARLIER_LINES);
    await clock.advance(Date.now() - clock.now());
  });
  afterEach(async () => {
    control.clearFaults();
    await gateway.close();
    await neighbours.close();
  });

  async function restore(): Promise<string> {
    const path = `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/restore`;
    const { status, body } = await alice.caller.post(path, { documentAction: 'overwrite' });
    expect(status).toBe(202);
    return body.id as string;
  }

  async function findingOf(id: string): Promise<object> {
    expect(await alice.caller.endOf(id)).toMatchObject({ state: 'interrupted' });
    const found = async () => (await alice.caller.operation(id)).reconciliation as object | undefined;
    return until(found, { clock, by: 10 * SECOND });
  }

  const looks = () => control.received().filter(({ route }) => route?.endsWith('Events'));
  const offsetOf = ({ path }: { path: string }) => Number(new URL(path, 'https://upstream').searchParams.get('offset'));

  it('is found to be done when its answer is lost', async () => {
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'done' } });
    expect(await findingOf(await restore())).toMatchObject({
      finding: 'done',
      detail: expect.stringMatching(/^The backup server logged \d{1,2} steps of it\.$/) as string,
    });
  });

  it('is found to be not done when the whole log tells nothing of it', async () => {
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'received' } });
    expect(await findingOf(await restore())).toMatchObject({ finding: 'not-done' });
  });

  it('is not said to be not done where the log has no end that could be read', async () => {
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'received' } });
    const startTime = new Date(clock.now() - 60 * MINUTE).toISOString();
    const results = Array.from({ length: 100_000 }, (_, order) => ({ order, startTime }));
    control.addFault({
      match: { route: 'Events' },
      fault: { kind: 'answer', status: 200, body: { offset: 0, limit: 250, results } },
      times: 1_000,
    });
    expect(await findingOf(await restore())).toMatchObject({
      finding: 'unknown',
      detail: 'The log of the backup server is too long to be read to its end.',
    });
  });

  it('tells no old line as its progress, and reads none twice', async () => {
    const hold = control.hold({ action: 'restore' }, 'item');
    const id = await restore();
    await hold.reached;
    const stream = await WatchedEvents.open(alice.caller, id);
    await until(() => stream.progress.length > 0, { clock, by: SECOND });
    const whole = looks().length;
    hold.step(2);
    await hold.reachedBy(3);
    await until(() => stream.progress.length > 1, { clock, by: SECOND });
    await until(() => looks().length > whole + 2, { clock, by: SECOND });
    const offsets = looks().map(offsetOf);
    expect(offsets.filter((offset) => offset === 0)).toHaveLength(1);
    expect(Math.min(...offsets.slice(whole))).toBeGreaterThan(EARLIER_LINES);
    const activities = stream.progress.flatMap((progress) => progress.activities as string[]);
    expect(activities.filter((activity) => /^restore \d+\.txt/.test(activity))).toEqual([]);
    expect(activities).toContainEqual(expect.stringMatching(/^restore \S.*\.\w+ (running|succeeded)$/));
    hold.release();
    await stream.ended({ clock, by: SECOND });
  });
});
