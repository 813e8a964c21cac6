import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { RunningOperations } from '../apps/gateway/src/operations/running-operations.js';
import { Caller, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { waitingFor } from './support/locks.js';
import { auditRecords } from './support/trail.js';
import { until, whileAdvancing } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const GRACE = 5 * SECOND;

const graceful = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, shutdownGraceMs: GRACE, leaseMs: 24 * 3_600 * SECOND },
});

describe.each(dialects)('a gateway before $version that is stopping', ({ version }) => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let owner: pg.Client;
  let clock: ManualClock;
  let gateway: Gateway;
  let otherClock: ManualClock;
  let other: Gateway;
  /** Of a download that keeps the gateway from its end, and of nothing else. */
  let busy: Desk;
  let oscar: Desk;

  beforeAll(async () => {
    neighbours = await startNeighbours({ bigOneDrive: { bytes: 64 * 1024 ** 2 } });
    control = neighbours.veeam.control;
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    otherClock = new ManualClock(Date.now());
    other = await start(otherClock);
  });
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    // Tokens are of the time of the one that stops.
    await otherClock.advance(Math.max(0, clock.now() - otherClock.now()));
    gateway = await start(clock);
    [busy, oscar] = [await openDesk('oscar', here()), await openDesk('oscar', here())];
    control.clearReceived();
  });
  afterEach(async () => {
    control.clearFaults();
    await whileAdvancing({ clock, by: SECOND }, gateway.close());
  });
  afterAll(async () => {
    await whileAdvancing({ clock: otherClock, by: SECOND }, other.close());
    await owner.end();
    await neighbours.close();
  });

  const start = (at: ManualClock) =>
    startGateway(neighbours, { clock: at, adjust: graceful, environment: { VEEAM_API_VERSION: version } });
  const here = () => ({ ...neighbours, gateway });
  const elsewhere = () => new Caller(other.url, oscar.caller.token);
  const path = ({ sid, oneDrives }: Desk, action: string) =>
    `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/${action}`;

  /** With a download under way, which has not had its first byte. */
  async function stop() {
    const hold = control.hold({ action: 'save' }, 'done');
    const download = busy.caller.fetch('POST', path(busy, 'save'), '{}');
    await hold.reached;
    const closed = gateway.close();
    return { hold, download, closed };
  }

  it('is not ready, and alive', async () => {
    const nobody = new Caller(gateway.url, undefined);
    expect((await nobody.get('/health/ready')).body.checks).not.toHaveProperty('replica');
    const { hold, download, closed } = await stop();
    expect(await nobody.get('/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'not-ready', checks: { replica: { status: 'down', code: 'gateway-stopping' } } },
    });
    expect((await nobody.get('/health/live')).status).toBe(200);
    hold.release();
    await (await download).arrayBuffer();
    await closed;
  });

  it('begins no download, and ends the one that it had begun', async () => {
    const { hold, download, closed } = await stop();
    const { sid, oneDrives } = oscar;
    const sessions = control.sessions().length;
    for (const [route, body] of [
      [path(oscar, 'save'), {}],
      [`/v5/RestoreSessions/${sid}/Organization/OneDrives/${oneDrives.Alice}/Action`, { save: null }],
      ['/api/v1/downloads', { organization: 'contoso.onmicrosoft.com', user: 'alice@contoso.onmicrosoft.com' }],
    ] as const) {
      const refused = await oscar.caller.post(route, body);
      expectProblem(refused, 'gateway-stopping');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(actionRequests(control)).toHaveLength(1);
    expect(control.sessions()).toHaveLength(sessions);

    hold.release();
    const saved = await download;
    expect((await saved.arrayBuffer()).byteLength).toBe(Number(saved.headers.get('content-length')));
    await closed;
    expect(await elsewhere().operation(operationIdOf(saved.headers))).toMatchObject({ state: 'succeeded' });
    expect((await elsewhere().get('/api/v1/operations?limit=2')).body.items).not.toContainEqual(
      expect.objectContaining({ restoreSessionId: sid }),
    );
  });

  it.each([{ stage: 'silent upstream' }, { stage: 'under way' }])(
    'breaks a download off that is still $stage after the grace, and says so',
    async ({ stage }) => {
      const isSilent = stage === 'silent upstream';
      const hold = isSilent ? control.hold({ action: 'save' }, 'done') : undefined;
      const saving = control.nextSave();
      const route = path(oscar, 'save').replace(oscar.oneDrives.Alice ?? '', oscar.oneDrives['Vera Vast'] ?? '');
      const download = oscar.caller.fetch('POST', route, '{}');
      await (hold?.reached ?? download);
      const closed = gateway.close();
      await clock.advance(GRACE - 1);
      const { body: before } = await elsewhere().get('/api/v1/operations?limit=1');
      expect(before.items[0]).toMatchObject({ action: 'save', state: 'submitting' });
      const { brokenOff } = gateway.app.get(RunningOperations);
      await until(() => brokenOff.aborted, { clock, by: SECOND });

      // The clock stands still: however slow the machine, there is time to record the end and to answer.
      if (isSilent) {
        const answer = await download;
        expect({ status: answer.status, body: await answer.json() }).toMatchObject({
          status: 503,
          body: { code: 'gateway-stopping' },
        });
      } else {
        await expect((await download).arrayBuffer()).rejects.toThrow();
        expect(await (await saving).ended).toBe('aborted');
      }
      await whileAdvancing({ clock, by: SECOND }, closed);
      const { id } = before.items[0];
      const problem = { code: 'gateway-stopping', detail: expect.stringContaining('stopped') as string };
      expect(await elsewhere().operation(id as string)).toMatchObject({ state: 'failed', problem });
      const ends = (await auditRecords(neighbours)).filter(
        ({ operationId, action }) => operationId === id && action === 'operation.ended',
      );
      expect(ends).toMatchObject([{ detail: { problem: 'gateway-stopping', brokenBy: 'gateway' } }]);
    },
  );

  it('takes no device code, which is still good elsewhere', async () => {
    const { body: code } = await oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/device-codes`);
    const userCode = code.userCode as string;
    control.confirmDeviceCode(userCode);
    const { hold, download, closed } = await stop();
    const refused = await oscar.caller.post(path(oscar, 'restore'), { userCode });
    expectProblem(refused, 'gateway-stopping');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(actionRequests(control)).toHaveLength(1);

    const { status, body } = await elsewhere().post(path(oscar, 'restore'), { userCode });
    expect(status).toBe(202);
    const moving = { clock: otherClock, by: SECOND };
    expect(await elsewhere().endOf(body.id as string, moving)).toMatchObject({ state: 'succeeded' });
    hold.release();
    await (await download).arrayBuffer();
    await closed;
  });

  it('accepts what can wait, for another one to do', async () => {
    const { hold, download, closed } = await stop();
    const { status, body } = await oscar.caller.post(path(oscar, 'restore'), {});
    expect({ status, state: body.state as unknown }).toEqual({ status: 202, state: 'accepted' });
    hold.release();
    await (await download).arrayBuffer();
    await closed;
    expect(actionRequests(control).map(({ action }) => action)).toEqual(['save']);

    const moving = { clock: otherClock, by: SECOND };
    expect(await elsewhere().endOf(body.id as string, moving)).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(control).map(({ action }) => action)).toEqual(['save', 'restore']);
  });

  it('gives what it accepts at that moment its grace', async () => {
    const { body: code } = await oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/device-codes`);
    control.confirmDeviceCode(code.userCode as string);
    await owner.query('begin');
    await owner.query('lock table operations in exclusive mode');
    const answer = oscar.caller.post(path(oscar, 'restore'), { userCode: code.userCode as string });
    await until(async () => (await waitingFor(owner)) > 0);
    const closed = gateway.close();
    await until(async () => (await new Caller(gateway.url, undefined).get('/health/ready')).status === 503);
    await owner.query('commit');

    const { status, body } = await answer;
    expect(status).toBe(202);
    await closed;
    const moving = { clock: otherClock, by: SECOND };
    expect(await elsewhere().endOf(body.id as string, moving)).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(control)).toHaveLength(1);
  });
});
