import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { verify } from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';
import { Secret } from '@app/secrets';
import { Database, migrate } from '@app/store';

import { type EmbeddedDatabase, startEmbeddedDatabase } from '../scripts/embedded-database.js';
import { type Answer, Caller, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(120_000);

const SECOND = 1_000;

/** A whole server of its own: that of the other specs is not to be stopped. */
describe.each(dialects)('a restart of PostgreSQL in the middle, on $version', ({ version, heldState }) => {
  let folder: string;
  let database: EmbeddedDatabase;
  let neighbours: Neighbours;
  let clock: ManualClock;
  let gateway: Gateway;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restore-gateway-database-'));
    database = await startEmbeddedDatabase({ dataDir: folder });
    await migrate({ ownerUrl: new Secret(database.ownerUrl), serviceUrl: new Secret(database.serviceUrl) });
    neighbours = await startNeighbours();
    clock = new ManualClock(Date.now());
    gateway = await startGateway(neighbours, {
      clock,
      environment: { VEEAM_API_VERSION: version, DATABASE_URL_FILE: '', DATABASE_URL: database.serviceUrl },
    });
  });
  afterAll(async () => {
    await gateway.close();
    await neighbours.close();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const post = ({ caller, sid, oneDrives }: Desk, action: string, key?: string): Promise<Answer> =>
    caller.post(
      `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/${action}`,
      {},
      key === undefined ? {} : { 'idempotency-key': key },
    );
  const readiness = async () => (await new Caller(gateway.url, undefined).get('/health/ready')).status;

  it('is 503 meanwhile; what runs and what waits ends as it should, once, and nobody helps', async () => {
    const { control } = neighbours.veeam;
    const [busy, idle, saving] = [await desk(), await desk(), await desk()];
    control.clearReceived();
    const restoring = control.hold({ action: 'restore' }, 'running');
    const running = (await post(busy, 'restore')).body.id as string;
    await restoring.reached;
    const waiting = (await post(busy, 'restore')).body.id as string;
    const savingHold = control.hold({ action: 'save' }, 'running');
    const download = saving.caller.fetch(
      'POST',
      `/api/v1/restore-sessions/${saving.sid}/onedrives/${saving.oneDrives.Alice}/save`,
      '{}',
    );
    await savingHold.reached;

    await database.stop();
    for (const answer of [
      await idle.caller.get('/api/v1/operations'),
      await post(idle, 'restore', 'asked-while-away'),
      await post(idle, 'save'),
    ]) {
      expectProblem(answer, 'store-unavailable');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await readiness()).toBe(503);
    // Upstream ends what it was asked for before anybody can write it down.
    restoring.release();
    await control.settled();
    if (heldState === 'submitting') {
      const isTryingAgain = () => gateway.log().some((line) => line.includes('could not be recorded; trying again'));
      await until(isTryingAgain, { clock, by: SECOND });
    }
    expect(actionRequests(control)).toHaveLength(2);

    database = await startEmbeddedDatabase({ dataDir: folder, port: database.port });
    savingHold.release();
    const moving = { clock, by: SECOND };
    const end = (id: string) =>
      until(async () => {
        const { status, body } = await idle.caller.get(`/api/v1/operations/${id}`);
        return status === 200 && !['accepted', 'submitting', 'following'].includes(body.state as string) && body;
      }, moving);
    expect(await end(running)).toMatchObject({ state: 'succeeded', outcome: { failed: 0 } });
    expect(await end(waiting)).toMatchObject({ state: 'succeeded', outcome: { failed: 0 } });
    const saved = await download;
    const bytes = Buffer.from(await saved.arrayBuffer());
    expect(await end(operationIdOf(saved.headers))).toMatchObject({
      state: 'succeeded',
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect(await readiness()).toBe(200);

    const again = await post(idle, 'restore', 'asked-while-away');
    expect(again.status).toBe(202);
    expect(await end(again.body.id as string)).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(control).map(({ action }) => action)).toEqual(['restore', 'save', 'restore', 'restore']);
    expect(await faultsOfTrail()).toEqual([]);
  });

  const desk = () => openDesk('alice', { ...neighbours, gateway });

  async function faultsOfTrail() {
    const trail = new Database({ url: { current: new Secret(database.serviceUrl) }, caFile: undefined });
    try {
      return (await verify(trail, { clock: new SystemClock() })).faults;
    } finally {
      await trail.close();
    }
  }
});
