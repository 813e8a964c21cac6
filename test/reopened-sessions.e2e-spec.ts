import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { type Answer, expectProblem } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { auditRecords, recordsOf } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;

const adjust = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, requestsPerWindow: 100_000 },
});

/** What a session can have come to without anybody here having stopped it. */
const endings = ['stopSession', 'forgetSession'] as const;

describe.each(dialects)('a restore session that $version has ended by itself', ({ version }) => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let clock: ManualClock;
  let gateways: Gateway[];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
    clock = new ManualClock(Date.now());
    const start = () => startGateway(neighbours, { clock, adjust, environment: { VEEAM_API_VERSION: version } });
    gateways = [await start(), await start()];
  });
  beforeEach(() => {
    control.clearReceived();
  });
  afterEach(() => {
    control.clearFaults();
    control.resetBackupTimes();
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await neighbours.close();
  });

  const deskOf = (name = 'oscar', at = 0): Promise<Desk> => {
    const gateway = gateways[at];
    if (gateway === undefined) throw new Error('no such replica');
    return openDesk(name, { ...neighbours, gateway });
  };
  const moving = () => ({ clock, by: SECOND });

  const sessionPath = ({ sid }: Desk) => `/api/v1/restore-sessions/${sid}`;
  const list = (desk: Desk) => desk.caller.get(`${sessionPath(desk)}/onedrives`);
  const act = (desk: Desk, action: string, body: object = {}, headers = {}) =>
    desk.caller.post(`${sessionPath(desk)}/onedrives/${desk.oneDrives.Alice}/${action}`, body, headers);
  /** The operation that an action became, at its end: on v8 the gateway looks at its own pace. */
  const ended = async (desk: Desk, action: string, body: object = {}) => {
    const answer = await act(desk, action, body);
    expect(answer.status).toBe(202);
    return desk.caller.endOf(answer.body.id as string, moving());
  };
  const stateOf = async (desk: Desk) => (await desk.caller.get(sessionPath(desk))).body.state as string;

  const explored = () => control.sessions().filter(({ kind }) => kind === 'explore');
  const upstream = (id: string) => explored().find((session) => session.id === id);
  const explores = () => control.received().filter(({ action }) => action === 'explore').length;
  const newest = () => explored()[0] ?? { id: '', state: '', backup: '' };
  const recordsOn = async ({ sid }: Desk) =>
    (await auditRecords(neighbours)).filter(
      ({ restoreSessionId, action }) => restoreSessionId === sid && action.startsWith('restore-session.'),
    );

  const backUpAnew = () => {
    control.setBackupTimes({ lastBackupAt: new Date() });
  };

  it.each(endings)('is opened again to browse, at the same backup (%s)', async (end) => {
    const desk = await deskOf();
    const { body: before } = await desk.caller.get(sessionPath(desk));
    const shown = newest().backup;
    const { body: listed } = await list(desk);
    backUpAnew();
    control[end](desk.upstreamSid);
    control.clearReceived();

    const answer = await list(desk);
    expect(answer).toMatchObject({ status: 200, body: listed });
    expect(explores()).toBe(1);
    expect(newest()).toMatchObject({ state: 'Working', backup: shown });
    expect(newest().id).not.toBe(desk.upstreamSid);
    expect((await desk.caller.get(sessionPath(desk))).body).toMatchObject({ ...before, state: 'open' });
    expect(shown).toBe(before.pointInTime);

    const records = await recordsOf(neighbours, answer.headers.get('x-request-id') ?? '');
    expect(records.filter(({ action }) => action === 'restore-session.reopened')).toMatchObject([
      {
        actor: { subject: expect.any(String) as string },
        restoreSessionId: desk.sid,
        upstreamSessionId: newest().id,
        detail: { insteadOf: desk.upstreamSid },
      },
    ]);
    await list(desk);
    expect(explores()).toBe(1);
  });

  it('is opened again where its id is no longer a valid one, and not while it is alive', async () => {
    const desk = await deskOf();
    const path = `${sessionPath(desk)}/onedrives/${desk.oneDrives.Alice}`;
    const refuse = () =>
      control.addFault({
        match: { method: 'GET', route: 'OneDrives/{oneDriveId}' },
        fault: { kind: 'answer', status: 400, body: { errorCode: 'ParameterValidationFailure', message: 'no' } },
      });
    control.clearReceived();
    refuse();
    expectProblem(await desk.caller.get(path), 'not-found');
    expect(explores()).toBe(0);
    control.stopSession(desk.upstreamSid);
    refuse();
    expect(await desk.caller.get(path)).toMatchObject({ status: 200, body: { name: 'Alice' } });
    expect(explores()).toBe(1);
  });

  it.each(['showDeleted', 'showAllVersions'])('is opened again with the %s it was opened with', async (flag) => {
    const desk = await deskOf();
    const { body } = await desk.caller.post('/api/v1/restore-sessions', {
      organizationId: desk.organizationId,
      [flag]: true,
    });
    const asked = control.received().at(-1)?.body;
    control.stopSession(newest().id);
    expect((await desk.caller.get(`/api/v1/restore-sessions/${body.id}/onedrives`)).status).toBe(200);
    const again = control
      .received()
      .filter(({ action }) => action === 'explore')
      .at(-1)?.body;
    expect(JSON.stringify(asked)).toContain(`"${flag}":true`);
    expect(again).toEqual(asked);
  });

  it('is opened again for a person as well, and for one OneDrive', async () => {
    const alice = await deskOf('alice');
    control.stopSession(alice.upstreamSid);
    expect(await list(alice)).toMatchObject({ status: 200, body: { items: [{ name: 'Alice' }] } });
    control.stopSession(newest().id);
    const one = await alice.caller.get(`${sessionPath(alice)}/onedrives/${alice.oneDrives.Alice}`);
    expect(one).toMatchObject({ status: 200, body: { id: alice.oneDrives.Alice } });
  });

  it('is opened again once, however many ask', async () => {
    const desk = await deskOf();
    control.stopSession(desk.upstreamSid);
    control.clearReceived();
    const answers = await Promise.all(Array.from({ length: 20 }, () => list(desk)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(explores()).toBe(1);
    const reopenings = (await recordsOn(desk)).filter(({ action }) => action === 'restore-session.reopened');
    expect(reopenings).toHaveLength(1);
  });

  it('goes by one session when two replicas open it at the same time, and the other one is stopped', async () => {
    const here = await deskOf();
    const there = { ...here, caller: (await deskOf('oscar', 1)).caller };
    control.stopSession(here.upstreamSid);
    const known = new Set(explored().map(({ id }) => id));
    const hold = control.hold({ action: 'explore' });
    const answers = [list(here), list(there)];
    await hold.reachedBy(2);
    hold.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);

    const opened = () => explored().filter(({ id }) => !known.has(id));
    expect(opened()).toHaveLength(2);
    await until(() => opened().filter(({ state }) => state === 'Working').length === 1, moving());
    expect((await list(here)).status).toBe(200);
    expect((await list(there)).status).toBe(200);
    expect(opened()).toHaveLength(2);
    await until(async () => (await recordsOn(here)).some(({ action }) => action === 'restore-session.ended'), moving());
    const records = await recordsOn(here);
    const [working] = opened().filter(({ state }) => state === 'Working');
    const [stopped] = opened().filter(({ state }) => state === 'Stopped');
    const told = (action: string) => records.filter((record) => record.action === action);
    expect(told('restore-session.reopened')).toMatchObject([{ upstreamSessionId: working?.id }]);
    expect(told('restore-session.ended')).toMatchObject([{ outcome: 'proven', upstreamSessionId: stopped?.id }]);
  });

  it.each(endings)('is opened again before an action is recorded, which is then done once (%s)', async (end) => {
    const desk = await deskOf();
    control[end](desk.upstreamSid);
    const restored = await ended(desk, 'restore');
    expect(restored).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(control)).toHaveLength(1);
    expect(actionRequests(control)[0]?.path).toContain(newest().id);
    const records = (await auditRecords(neighbours)).filter(({ operationId }) => operationId === restored.id);
    expect(new Set(records.map(({ upstreamSessionId }) => upstreamSessionId))).toEqual(new Set([newest().id]));
  });

  it('is opened again for a download that has not begun', async () => {
    const desk = await deskOf();
    control.stopSession(desk.upstreamSid);
    const { status } = await act(desk, 'save');
    expect(status).toBe(200);
    expect(control.saves()).toMatchObject([{ state: 'finished' }]);
  });

  it.each(['restore', 'copy', 'send', 'save'])('has no %s done again that reached it', async (action) => {
    const desk = await deskOf();
    const bodies: Record<string, object> = {
      copy: { target: { oneDriveId: desk.oneDrives.Bob } },
      send: { to: 'bob@contoso.onmicrosoft.com', subject: 'Files', text: 'Here.' },
    };
    const hold = control.hold({ action });
    const answer = action === 'save' ? act(desk, action) : ended(desk, action, bodies[action]);
    await hold.reached;
    control.stopSession(desk.upstreamSid);
    hold.release();
    if (action === 'save') expectProblem((await answer) as Answer, 'session-stopped');
    else expect(await answer).toMatchObject({ state: 'failed', problem: { code: 'session-stopped' } });
    expect(actionRequests(control)).toHaveLength(1);
    expect(explores()).toBe(1);

    expect((await list(desk)).status).toBe(200);
    expect(explores()).toBe(2);
    expect(actionRequests(control)).toHaveLength(1);
    expect(control.actions()).toEqual([]);
    if (action === 'save') expect(await act(desk, action)).toMatchObject({ status: 200 });
    else expect(await ended(desk, action, bodies[action])).toMatchObject({ state: 'succeeded' });
    expect(control.actions()).toHaveLength(1);
  });

  it('is opened again for what waits, while what runs ends where it was begun', async () => {
    const desk = await deskOf();
    const hold = control.hold({ action: 'restore' }, 'running');
    const { body: first } = await act(desk, 'restore');
    await hold.reached;
    const { body: second } = await act(desk, 'restore', { documentAction: 'overwrite' });
    control.stopSession(desk.upstreamSid);
    expect((await list(desk)).status).toBe(200);
    const { id: reopened } = newest();
    expect(reopened).not.toBe(desk.upstreamSid);
    expect(await desk.caller.operation(second.id as string)).toMatchObject({ state: 'accepted' });

    hold.release();
    await desk.caller.endOf(first.id as string, moving());
    expect(await desk.caller.endOf(second.id as string, moving())).toMatchObject({ state: 'succeeded' });
    const paths = actionRequests(control).map(({ path }) => path);
    expect(paths).toEqual([
      expect.stringContaining(desk.upstreamSid) as string,
      expect.stringContaining(reopened) as string,
    ]);
    const records = await auditRecords(neighbours);
    const sentIn = ({ id }: { id: string }) =>
      records.find(({ action, operationId }) => action === 'operation.started' && operationId === id)
        ?.upstreamSessionId;
    expect([first, second].map(sentIn)).toEqual([desk.upstreamSid, reopened]);
  });

  it('is opened again by what waits, when that is what finds it out', async () => {
    const desk = await deskOf();
    const hold = control.hold({ action: 'restore' }, 'running');
    await act(desk, 'restore');
    await hold.reached;
    const { body: second } = await act(desk, 'restore', { documentAction: 'overwrite' });
    control.forgetSession(desk.upstreamSid);
    control.clearReceived();
    hold.release();
    expect(await desk.caller.endOf(second.id as string, moving())).toMatchObject({ state: 'succeeded' });
    expect(explores()).toBe(1);
    const reopening = (await recordsOn(desk)).find(({ action }) => action === 'restore-session.reopened');
    expect(reopening).toMatchObject({ upstreamSessionId: newest().id });
    expect(reopening).not.toHaveProperty('actor');
  });

  it('takes its device codes with it', async () => {
    const desk = await deskOf();
    const codes = `${sessionPath(desk)}/device-codes`;
    const [used, lost] = await Promise.all([desk.caller.post(codes), desk.caller.post(codes)]);
    const codeOf = ({ body }: Answer) => ({ userCode: body.userCode as string });
    expect(await ended(desk, 'restore', codeOf(used))).toMatchObject({ state: 'succeeded' });
    control.stopSession(desk.upstreamSid);
    control.clearReceived();
    expectProblem(await act(desk, 'restore', codeOf(lost)), 'device-code-unknown');
    expect(actionRequests(control)).toEqual([]);
    expect(JSON.stringify(control.received())).not.toContain(lost.body.userCode);
    control.stopSession(newest().id);
    expect(await ended(desk, 'restore', codeOf(await desk.caller.post(codes)))).toMatchObject({ state: 'succeeded' });
  });

  it('takes the device code with it of an operation that was about to start', async () => {
    const desk = await deskOf();
    const { body } = await desk.caller.post(`${sessionPath(desk)}/device-codes`);
    control.clearReceived();
    const lookUps = control.hold({ method: 'GET', route: 'OneDrives/{oneDriveId}' });
    const restored = ended(desk, 'restore', { userCode: body.userCode as string });
    await lookUps.reached;
    lookUps.step();
    // The first one before it was recorded, the second one as it starts.
    await lookUps.reachedBy(2);
    control.stopSession(desk.upstreamSid);
    lookUps.release();
    expect(await restored).toMatchObject({ state: 'failed', problem: { code: 'device-code-unknown' } });
    expect(explores()).toBe(1);
    expect(actionRequests(control)).toEqual([]);
  });

  it('is over when upstream refuses to open it again', async () => {
    const desk = await deskOf();
    control.stopSession(desk.upstreamSid);
    control.addFault({
      match: { action: 'explore' },
      fault: { kind: 'answer', status: 500, body: { message: 'Restore session cannot be created.' } },
    });
    expectProblem(await list(desk), 'session-stopped');
    expect(await stateOf(desk)).toBe('stopped');
    expectProblem(await act(desk, 'restore'), 'session-stopped');
    expect(explores()).toBe(2);
    expect((await recordsOn(desk)).at(-1)).toMatchObject({ outcome: 'ended-upstream' });
  });

  it('is over when the backup that it showed is no longer there', async () => {
    const desk = await deskOf();
    control.stopSession(desk.upstreamSid);
    control.setBackupTimes({ firstBackupAt: new Date(), lastBackupAt: new Date() });
    control.clearReceived();
    expectProblem(await list(desk), 'session-stopped');
    expect(explores()).toBe(0);
    expect(await stateOf(desk)).toBe('stopped');
  });

  it.each([
    ['cannot be reached', { kind: 'answer', status: 503 }, 'upstream-unavailable'],
    ['breaks off', { kind: 'close' }, 'upstream-broken'],
  ] as const)('waits for a later look while upstream %s', async (_what, fault, code) => {
    const desk = await deskOf();
    control.stopSession(desk.upstreamSid);
    control.addFault({ match: { action: 'explore' }, fault });
    expectProblem(await list(desk), code);
    expect(await stateOf(desk)).toBe('open');
    expect((await list(desk)).status).toBe(200);
  });

  it('is not opened again once its caller has stopped it, even in the middle', async () => {
    const desk = await deskOf();
    control.stopSession(desk.upstreamSid);
    const hold = control.hold({ action: 'explore' });
    const listing = list(desk);
    await hold.reached;
    expect(await desk.caller.delete(sessionPath(desk))).toMatchObject({ status: 204 });
    hold.release();
    expectProblem(await listing, 'session-stopped');
    await until(() => newest().state === 'Stopped', moving());
    expect(newest().id).not.toBe(desk.upstreamSid);
    expectProblem(await list(desk), 'session-stopped');
    expect(explores()).toBe(2);
    expect(upstream(desk.upstreamSid)?.state).toBe('Stopped');
  });

  it('is not opened again when its caller stopped it while it was looked into', async () => {
    const desk = await deskOf();
    const hold = control.hold({ method: 'GET', path: 'Organization/OneDrives' });
    const listing = list(desk);
    await hold.reached;
    expect(await desk.caller.delete(sessionPath(desk))).toMatchObject({ status: 204 });
    hold.release();
    expectProblem(await listing, 'session-stopped');
    expect(explores()).toBe(1);
  });

  it('is over when the next one ends at once, too', async () => {
    const desk = await deskOf();
    control.stopSession(desk.upstreamSid);
    control.clearReceived();
    const hold = control.hold({ method: 'GET', path: 'Organization/OneDrives' });
    const listing = list(desk);
    await hold.reached;
    hold.step();
    await hold.reachedBy(2);
    control.stopSession(newest().id);
    hold.release();
    expectProblem(await listing, 'session-stopped');
    expect(explores()).toBe(1);
    expect(await stateOf(desk)).toBe('stopped');
  });
});
