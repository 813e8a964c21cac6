import { randomUUID } from 'node:crypto';

import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import { Metrics } from '@app/logging';

import { Caller, expectProblem } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { auditRecords } from './support/trail.js';
import { until, whileAdvancing } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const IDLE = 2 * MINUTE;

const adjust = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, sessionIdleMs: IDLE, shutdownGraceMs: 0 },
});

describe.each(dialects)('a restore session on $version that was stopped', ({ logsOut, version }) => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let clock: ManualClock;
  let gateways: Gateway[] = [];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
  });
  beforeEach(() => {
    clock = new ManualClock(Date.now());
    control.clearReceived();
  });
  afterEach(async () => {
    control.clearFaults();
    for (const { id } of control.sessions()) control.resistStop(id, 0);
    await whileAdvancing(moving(), Promise.all(gateways.map((gateway) => gateway.close())));
    gateways = [];
  });
  afterAll(() => neighbours.close());

  const moving = () => ({ clock, by: SECOND });
  const start = async (by = clock): Promise<Gateway> => {
    const environment = { VEEAM_API_VERSION: version };
    const gateway = await startGateway(neighbours, { clock: by, adjust, environment });
    gateways.push(gateway);
    return gateway;
  };
  const deskAt = (gateway: Gateway, name = 'alice') => openDesk(name, { ...neighbours, gateway });

  const stop = ({ caller, sid }: Desk) => whileAdvancing(moving(), caller.delete(`/api/v1/restore-sessions/${sid}`));
  const stateUpstream = ({ upstreamSid }: Desk) => control.sessions().find(({ id }) => id === upstreamSid)?.state;
  const isStopped = (desk: Desk) => until(() => stateUpstream(desk) === 'Stopped', moving());
  const timesTold = ({ upstreamSid }: Desk) =>
    control.received().filter(({ action, path }) => action === 'stop' && path.includes(upstreamSid)).length;
  const endsOf = async ({ sid }: Desk) =>
    (await auditRecords(neighbours))
      .filter((record) => record.restoreSessionId === sid && /\.(stopped|ended)$/.test(record.action))
      .map(({ action, outcome }) => `${action} ${outcome}`);
  const proven = (desk: Desk) =>
    until(async () => (await endsOf(desk)).includes('restore-session.ended proven'), moving());

  async function expectOfNoMoreUse({ caller, sid }: Desk): Promise<void> {
    const { body } = await caller.get(`/api/v1/restore-sessions/${sid}`);
    expect(body.state).toBe('stopped');
    expectProblem(await caller.get(`/api/v1/restore-sessions/${sid}/onedrives`), 'session-stopped');
  }

  it('has ended upstream by the time that its caller is told, and that is on record', async () => {
    const desk = await deskAt(await start());
    expect(await desk.caller.delete(`/api/v1/restore-sessions/${desk.sid}`)).toMatchObject({ status: 204, body: '' });
    expect(stateUpstream(desk)).toBe('Stopped');
    expect(await endsOf(desk)).toEqual(['restore-session.stopped by-caller', 'restore-session.ended proven']);
    const ended = (await auditRecords(neighbours)).find(({ action }) => action === 'restore-session.ended');
    expect(ended).toMatchObject({
      organization: 'contoso.onmicrosoft.com',
      restoreSessionId: desk.sid,
      upstreamSessionId: desk.upstreamSid,
      detail: { attempts: 1 },
    });
    await clock.advance(MINUTE);
    expect(timesTold(desk)).toBe(1);
  });

  it('is told to stop again while upstream takes its time', async () => {
    const desk = await deskAt(await start());
    control.resistStop(desk.upstreamSid, 12);
    expect(await stop(desk)).toMatchObject({ status: 204 });
    await expectOfNoMoreUse(desk);
    expect(stateUpstream(desk)).toBe('Working');
    expect(await endsOf(desk)).toEqual(['restore-session.stopped by-caller']);
    await isStopped(desk);
    await proven(desk);
    expect(timesTold(desk)).toBeGreaterThan(1);
  });

  it.each([
    ['refused', { kind: 'answer', status: 500, body: { message: 'It failed.' } }],
    ['cut off', { kind: 'close' }],
    ['not served', { kind: 'answer', status: 503 }],
  ] as const)('is told to stop again when that was %s', async (_what, fault) => {
    const desk = await deskAt(await start());
    control.addFault({ match: { action: 'stop' }, fault, times: 2 });
    expect(await stop(desk)).toMatchObject({ status: 204 });
    await expectOfNoMoreUse(desk);
    await isStopped(desk);
    await proven(desk);
    expect(timesTold(desk)).toBe(3);
  });

  it('is told to stop again after nobody used it, too', async () => {
    const desk = await deskAt(await start());
    control.resistStop(desk.upstreamSid, 7);
    await until(() => stateUpstream(desk) === 'Stopped', { clock, by: 10 * SECOND });
    await proven(desk);
    expect(await endsOf(desk)).toEqual(['restore-session.stopped idle', 'restore-session.ended proven']);
  });

  it('counts as ended when upstream no longer knows it', async () => {
    const desk = await deskAt(await start());
    control.forgetSession(desk.upstreamSid);
    expect(await stop(desk)).toMatchObject({ status: 204 });
    expect(await endsOf(desk)).toEqual(['restore-session.stopped by-caller', 'restore-session.ended proven']);
  });

  it('on a server that is no longer configured is named once, and no alarm for good', async () => {
    const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    const upstreamSessionId = randomUUID();
    await owner.query(
      `insert into former_upstream_sessions (backup_server, id, organization_name, left_at, due_at, attempts) values ('retired', $1, 'contoso.onmicrosoft.com', now(), now(), 9)`,
      [upstreamSessionId],
    );
    const gateway = await start();
    const warnings = () => gateway.log().filter((line) => line.includes('not configured, and cannot be stopped'));
    await until(() => warnings().length > 0, moving());
    for (let look = 0; look < 5; look++) await clock.advance(5 * SECOND);
    expect(warnings().map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', sessions: [{ backupServer: 'retired', upstreamSessionId }], isAll: true },
    ]);
    expect((await gateway.app.get(Metrics).expose()).text).toMatch(/^upstream_sessions_not_stopped 0$/m);
    const { body } = await new Caller(gateway.url, undefined).get('/health/ready');
    expect(body).toMatchObject({ checks: { restoreSessions: { status: 'up' } } });
    await owner.query(`delete from former_upstream_sessions where backup_server = 'retired'`);
    await owner.end();
  });

  it('and never stops is told of: in the log, in a metric, on health and on record', async () => {
    const gateway = await start();
    const desk = await deskAt(gateway);
    const health = async () => (await new Caller(gateway.url, undefined).get('/health/ready')) as unknown;
    const gauge = async () => (await gateway.app.get(Metrics).expose()).text;
    const warnings = () => gateway.log().filter((line) => line.includes('does not stop upstream'));
    control.resistStop(desk.upstreamSid);
    await stop(desk);
    expect(await health()).toMatchObject({ status: 200, body: { checks: { restoreSessions: { status: 'up' } } } });

    const isTold = async () => (await endsOf(desk)).includes('restore-session.ended not-proven');
    await until(isTold, { clock, by: 5 * SECOND });
    await until(async () => /^upstream_sessions_not_stopped 1$/m.test(await gauge()), moving());
    expect(await health()).toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        checks: {
          restoreSessions: {
            status: 'degraded',
            detail: '1 that were stopped may still run on the backup server',
          },
        },
      },
    });
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain(desk.upstreamSid);
    expect(await endsOf(desk)).toEqual(['restore-session.stopped by-caller', 'restore-session.ended not-proven']);

    const told = timesTold(desk);
    expect(told).toBeLessThanOrEqual(6);
    for (let minute = 0; minute < 60; minute++) await clock.advance(MINUTE);
    expect(timesTold(desk) - told).toBeLessThanOrEqual(10);

    control.resistStop(desk.upstreamSid, 0);
    await until(() => stateUpstream(desk) === 'Stopped', { clock, by: MINUTE });
    await proven(desk);
    await until(async () => /^upstream_sessions_not_stopped 0$/m.test(await gauge()), moving());
    expect(await health()).toMatchObject({ body: { checks: { restoreSessions: { status: 'up' } } } });
    expect(await gauge()).toMatch(/^upstream_session_stops_total\{result="still-running"\} \d+$/m);
    expect(await gauge()).toMatch(/^upstream_session_stops_total\{result="stopped"\} 1$/m);
    expect(warnings()).toHaveLength(1);
  });

  it('is told to stop by another replica when its own was lost at it', async () => {
    const own = await start(new ManualClock(clock.now()));
    await start();
    const desk = await deskAt(own);
    const hold = control.hold({ action: 'stop' });
    const answer = desk.caller.delete(`/api/v1/restore-sessions/${desk.sid}`).catch(() => undefined);
    await hold.reached;
    // As long as its lease lasts.
    const lost = clock.now();
    await until(() => clock.now() === lost + 9 * MINUTE, { clock, by: MINUTE });
    expect(timesTold(desk)).toBe(1);
    await until(() => timesTold(desk) === 2, { clock, by: 10 * SECOND });
    hold.release();
    await isStopped(desk);
    await answer;
    await proven(desk);
    expect(await endsOf(desk)).toEqual(['restore-session.stopped by-caller', 'restore-session.ended proven']);
  });

  it('is told to stop after a restart, and until then nobody logs out', async () => {
    const gateway = await start();
    const desk = await deskAt(gateway);
    control.resistStop(desk.upstreamSid);
    await stop(desk);
    const others = control.sessions().filter(({ state }) => state === 'Working');
    expect(others.map(({ id }) => id)).toEqual([desk.upstreamSid]);
    await whileAdvancing(moving(), gateway.close());
    const logouts = () => control.received().filter(({ path }) => /logout/i.test(path));
    expect(logouts()).toEqual([]);

    control.resistStop(desk.upstreamSid, 0);
    gateways = [];
    const next = await start();
    await isStopped(desk);
    await proven(desk);
    await whileAdvancing(moving(), next.close());
    gateways = [];
    expect(logouts()).toHaveLength(logsOut ? 1 : 0);
  });
});
