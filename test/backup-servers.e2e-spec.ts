import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { contoso, fabrikam } from '../apps/veeam-sandbox/src/people.js';
import { Caller, expectProblem } from './support/caller.js';
import { environmentOf, serverSettings, type ServerPair, startServerPair } from './support/server-pair.js';
import type { YamlSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { until, whileAdvancing } from './support/until.js';
import { actionRequests, requests } from './support/upstream.js';
import { type Gateway, startGateway } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const CONTOSO = 'contoso.onmicrosoft.com';
const FABRIKAM = 'fabrikam.onmicrosoft.com';

const adjust = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, requestsPerWindow: 100_000, shutdownGraceMs: 1_000 },
});

const versions = [
  { emeaVersion: 'v8', apacVersion: 'v5' },
  { emeaVersion: 'v5', apacVersion: 'v8' },
] as const;

describe.each(versions)('two backup servers, $emeaVersion and $apacVersion', ({ emeaVersion, apacVersion }) => {
  let pair: ServerPair;
  let clock: ManualClock;
  let gateways: Gateway[] = [];

  beforeAll(async () => {
    pair = await startServerPair({ emea: [{ name: CONTOSO }], apac: [{ name: FABRIKAM }] });
  });
  beforeEach(() => {
    clock = new ManualClock(Date.now());
    pair.emea.control.clearReceived();
    pair.apac.control.clearReceived();
  });
  afterEach(async () => {
    pair.emea.control.clearFaults();
    pair.apac.control.clearFaults();
    await whileAdvancing(moving(), Promise.all(gateways.map((gateway) => gateway.close())));
    gateways = [];
  });
  afterAll(() => pair.close());

  const moving = () => ({ clock, by: SECOND });
  const emea = () => serverSettings('emea', pair.emea, emeaVersion);
  const apac = () => serverSettings('apac', pair.apac, apacVersion);
  const start = async (
    backupServers: readonly Readonly<Record<string, unknown>>[] = [emea(), apac()],
    change?: (settings: YamlSettings) => Partial<YamlSettings>,
  ): Promise<Gateway> => {
    const environment = await environmentOf(pair, backupServers, change);
    const gateway = await startGateway(pair, { clock, adjust, environment });
    gateways.push(gateway);
    return gateway;
  };
  const callerAt = (gateway: Gateway, name = 'oscar') => Caller.named(name, { ...pair, gateway });
  const soon = <T>(promise: Promise<T>) => whileAdvancing(moving(), promise);

  const organizations = (caller: Caller) => caller.get('/api/v1/organizations');
  /** The usual ones. */
  const idOf: Readonly<Record<string, string>> = { [CONTOSO]: contoso.id, [FABRIKAM]: fabrikam.id };
  const open = (caller: Caller, organization: string) =>
    caller.post('/api/v1/restore-sessions', { organizationId: idOf[organization] });
  const sessionIn = async (caller: Caller, organization: string): Promise<string> => {
    const { status, body } = await open(caller, organization);
    expect({ status, body }).toMatchObject({ status: 201 });
    return body.id as string;
  };
  const firstOneDrive = async (caller: Caller, sid: string): Promise<string> => {
    const [id] = await soon(caller.oneDrives(sid));
    if (id === undefined) throw new Error('no OneDrive');
    return `/api/v1/restore-sessions/${sid}/onedrives/${id}`;
  };
  const readiness = async ({ url }: Gateway) => {
    const answer = await soon(fetch(`${url}/health/ready`));
    return {
      status: answer.status,
      upstream: ((await answer.json()) as { checks: { upstream: object } }).checks.upstream,
    };
  };
  const goDark = (control: ServerPair['apac']['control']) =>
    control.addFault({ fault: { kind: 'never-answer' }, times: Infinity });

  it('each have their own login, trust and version, and organizations are found on the one that has them', async () => {
    const gateway = await start();
    const listed = await organizations(await callerAt(gateway));
    const can = (apiVersion: string) => expect.objectContaining({ apiVersion }) as object;
    expect(listed.body).toEqual({
      items: [
        expect.objectContaining({ name: CONTOSO, backupServer: 'emea', capabilities: can(emeaVersion) }),
        expect.objectContaining({ name: FABRIKAM, backupServer: 'apac', capabilities: can(apacVersion) }),
      ],
    });
    expect(requests(pair.emea.control).every((request) => request.includes(`/${emeaVersion}/`))).toBe(true);
    expect(requests(pair.apac.control).every((request) => request.includes(`/${apacVersion}/`))).toBe(true);
    expect(await readiness(gateway)).toEqual({
      status: 200,
      upstream: { status: 'up', detail: `emea: API ${emeaVersion}, apac: API ${apacVersion}` },
    });
    const bare = await (await callerAt(gateway, 'fred')).get('/v5/Organizations');
    expect(bare.body).toMatchObject([{ name: FABRIKAM }]);
  });

  it.each([
    ['emea', CONTOSO],
    ['apac', FABRIKAM],
  ] as const)('serve all of a restore session on %s, and the other hears nothing of it', async (name, organization) => {
    const gateway = await start();
    const oscar = await callerAt(gateway);
    const [own, other] = name === 'emea' ? [pair.emea, pair.apac] : [pair.apac, pair.emea];
    const sid = await sessionIn(oscar, organization);
    other.control.clearReceived();
    const oneDrive = await firstOneDrive(oscar, sid);
    const restored = await soon(oscar.post(`${oneDrive}/restore`, {}, { prefer: 'wait=60' }));
    expect(restored).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    const saved = await oscar.fetch('POST', `${oneDrive}/save`, '{}');
    expect((await saved.arrayBuffer()).byteLength).toBeGreaterThan(0);
    expect((await soon(oscar.delete(`/api/v1/restore-sessions/${sid}`))).status).toBe(204);
    expect(actionRequests(own.control).map(({ action }) => action)).toEqual(['restore', 'save']);
    expect(own.control.sessions().find(({ kind }) => kind === 'explore')).toMatchObject({ state: 'Stopped' });
    expect(requests(other.control)).toEqual([]);
    const records = (await auditRecords(pair)).filter(({ restoreSessionId }) => restoreSessionId === sid);
    expect(records.length).toBeGreaterThan(5);
    expect(new Set(records.map(({ backupServer }) => backupServer))).toEqual(new Set([name]));
  });

  it('are not one: an id of the one means nothing to the other', async () => {
    const oscar = await callerAt(await start());
    const [contoso, fabrikam] = [await sessionIn(oscar, CONTOSO), await sessionIn(oscar, FABRIKAM)];
    const [own = ''] = await soon(oscar.oneDrives(contoso));
    pair.apac.control.clearReceived();
    expectProblem(await soon(oscar.get(`/api/v1/restore-sessions/${fabrikam}/onedrives/${own}`)), 'not-found');
    const copy = oscar.post(`/api/v1/restore-sessions/${fabrikam}/onedrives/${own}/restore`, {});
    expectProblem(await soon(copy), 'not-found');
    expect(actionRequests(pair.apac.control)).toEqual([]);
  });

  it('are not trusted for one another', async () => {
    const gateway = await start([emea(), { ...apac(), certFingerprint: pair.emea.fingerprint }]);
    const listed = await soon(organizations(await callerAt(gateway)));
    expect(listed.body).toMatchObject({ items: [{ name: CONTOSO }], incomplete: true });
    expect(pair.apac.control.received()).toEqual([]);
  });

  it('are not logged in to with one another’s password', async () => {
    const gateway = await start([emea(), { ...apac(), password: { file: pair.emea.secretFiles.password } }]);
    const listed = await soon(organizations(await callerAt(gateway)));
    expect(listed.body).toMatchObject({ items: [{ name: CONTOSO }], incomplete: true });
    expect(await readiness(gateway)).toMatchObject({
      status: 200,
      upstream: {
        status: 'degraded',
        code: 'upstream-login-failed',
        detail: expect.stringContaining('apac: ') as string,
      },
    });
  });

  describe('of which one does not answer', () => {
    it('serve what the other has, at once after the first time, and all of it once it answers again', async () => {
      const gateway = await start();
      const [oscar, fred] = [await callerAt(gateway), await callerAt(gateway, 'fred')];
      goDark(pair.apac.control);
      expect((await soon(organizations(oscar))).body).toMatchObject({ items: [{ name: CONTOSO }], incomplete: true });
      // The clock stands still: nothing is waited for.
      expect((await organizations(oscar)).body).toMatchObject({ items: [{ name: CONTOSO }], incomplete: true });
      expectProblem(await organizations(fred), 'upstream-timeout');
      expectProblem(await open(fred, FABRIKAM), 'upstream-timeout');
      const sid = (await open(oscar, CONTOSO)).body.id as string;
      expect(await oscar.oneDrives(sid)).not.toEqual([]);

      pair.apac.control.clearFaults();
      const whole = await until(async () => {
        const { body } = await soon(organizations(oscar));
        return body.incomplete === undefined && (body as object);
      }, moving());
      expect(whole).toMatchObject({ items: [{ name: CONTOSO }, { name: FABRIKAM }] });
      await sessionIn(fred, FABRIKAM);
    });

    it('are ready for calls, and say which of them is not', async () => {
      const gateway = await start();
      goDark(pair.emea.control);
      expect(await readiness(gateway)).toEqual({
        status: 200,
        upstream: {
          status: 'degraded',
          code: 'upstream-timeout',
          detail: `apac: API ${apacVersion}, emea: The backup server has not answered in time.`,
        },
      });
      goDark(pair.apac.control);
      await clock.advance(10 * SECOND);
      expect(await readiness(gateway)).toMatchObject({ status: 503, upstream: { status: 'down' } });
    });

    it('go on with operations of the other, and with its own once it answers again', async () => {
      const gateway = await start();
      const oscar = await callerAt(gateway);
      const [contoso, fabrikam] = [await sessionIn(oscar, CONTOSO), await sessionIn(oscar, FABRIKAM)];
      const [onEmea, onApac] = [await firstOneDrive(oscar, contoso), await firstOneDrive(oscar, fabrikam)];
      // The first of them holds the session, the second waits in the queue.
      const held = pair.apac.control.holdActions();
      const first = await oscar.post(`${onApac}/restore`, {});
      const second = await oscar.post(`${onApac}/restore`, {});
      await soon(held.reached);
      goDark(pair.apac.control);
      held.release();
      const other = await soon(oscar.post(`${onEmea}/restore`, {}, { prefer: 'wait=60' }));
      expect(other.body).toMatchObject({ state: 'succeeded' });
      pair.apac.control.clearFaults();
      for (const { body } of [first, second]) {
        expect(await oscar.endOf(body.id as string, moving())).toMatchObject({ state: 'succeeded' });
      }
      expect(pair.apac.control.actionCounts()).toMatchObject([{ action: 'restore', count: 2 }]);
    });

    it('find out no later what became of operations, and begin no later what waits', async () => {
      const gateway = await start();
      const oscar = await callerAt(gateway);
      const [contoso, fabrikam] = [await sessionIn(oscar, CONTOSO), await sessionIn(oscar, FABRIKAM)];
      const [onEmea, onApac] = [await firstOneDrive(oscar, contoso), await firstOneDrive(oscar, fabrikam)];
      const { control } = pair.emea;
      pair.apac.control.addFault({ match: { action: 'restore' }, fault: { kind: 'close' } });
      const lost = (await oscar.post(`${onApac}/restore`, {})).body.id as string;
      expect(await oscar.endOf(lost, moving())).toMatchObject({ state: 'interrupted' });
      goDark(pair.apac.control);
      await clock.advance(61 * SECOND);
      // The second is begun when the first has ended, cannot be decided on then, and waits to be looked at again.
      const held = control.holdActions();
      const first = await oscar.post(`${onEmea}/restore`, {});
      await soon(held.reached);
      const second = await oscar.post(`${onEmea}/restore`, {});
      control.addFault({
        match: { method: 'GET', path: 'OneDrives' },
        fault: { kind: 'answer', status: 503 },
        times: 3,
      });
      const startedAt = clock.now();
      held.release();
      for (const { body } of [first, second]) {
        expect(await oscar.endOf(body.id as string, moving())).toMatchObject({ state: 'succeeded' });
      }
      expect(clock.now() - startedAt).toBeLessThan(60 * SECOND);
      pair.apac.control.clearFaults();
      const reconciled = async () => (await oscar.operation(lost)).reconciliation as object | undefined;
      expect(await until(reconciled, { clock, by: 30 * SECOND })).toMatchObject({ finding: 'not-done' });
    });

    it('are told to stop sessions all the same, however many the other has not heard of', async () => {
      const gateway = await start();
      const oscar = await callerAt(gateway);
      const sids = await Promise.all(Array.from({ length: 12 }, () => sessionIn(oscar, FABRIKAM)));
      const own = await sessionIn(oscar, CONTOSO);
      goDark(pair.apac.control);
      await soon(Promise.all(sids.map((sid) => oscar.delete(`/api/v1/restore-sessions/${sid}`))));
      pair.emea.control.addFault({ match: { action: 'stop' }, fault: { kind: 'answer', status: 503 } });
      const startedAt = clock.now();
      expect((await soon(oscar.delete(`/api/v1/restore-sessions/${own}`))).status).toBe(204);
      const newest = () => pair.emea.control.sessions().find(({ kind }) => kind === 'explore');
      await until(() => newest()?.state === 'Stopped', moving());
      expect(clock.now() - startedAt).toBeLessThan(30 * SECOND);
      pair.apac.control.clearFaults();
      const stopped = () => pair.apac.control.sessions().every(({ state }) => state === 'Stopped');
      await until(stopped, { clock, by: 30 * SECOND });
    });
  });

  describe('with the same tenant', () => {
    let both: ServerPair;
    const otherId = '11111111-2222-4333-8444-555555555555';

    beforeAll(async () => {
      both = await startServerPair({ emea: [{ name: CONTOSO }], apac: [{ name: CONTOSO, id: otherId }] });
    });
    afterEach(() => Promise.all(gateways.splice(0).map((gateway) => gateway.close())));
    afterAll(() => both.close());

    const startBoth = async (change: { emea?: object; apac?: object } = {}): Promise<Gateway> => {
      const environment = await environmentOf(both, [
        { ...serverSettings('emea', both.emea, emeaVersion), ...change.emea },
        { ...serverSettings('apac', both.apac, apacVersion), ...change.apac },
      ]);
      const gateway = await startGateway(both, { adjust, environment });
      gateways.push(gateway);
      return gateway;
    };

    it('are told apart by id, and by name nobody guesses', async () => {
      const gateway = await startBoth();
      const oscar = await Caller.named('oscar', { ...both, gateway });
      const { body } = await organizations(oscar);
      const ids = body.items.map(({ id }: { id: string }) => id) as string[];
      expect(body.items).toMatchObject([{ backupServer: 'emea' }, { backupServer: 'apac', id: otherId }]);
      const byName = await oscar.post('/api/v1/downloads', {
        organization: CONTOSO,
        user: 'alice@contoso.onmicrosoft.com',
      });
      expectProblem(byName, 'validation-failed');
      expect(byName.body.errors).toEqual([
        { field: 'organization', message: `is on several backup servers; give an id instead: ${ids.join(', ')}` },
      ]);
      expect(both.emea.control.sessions()).toEqual([]);
      expect(both.apac.control.sessions()).toEqual([]);
      const alice = await Caller.named('alice', { ...both, gateway });
      const opened = await alice.post('/api/v1/restore-sessions', { organizationId: otherId });
      expect(opened.status).toBe(201);
      expect(await alice.oneDrives(opened.body.id as string)).toHaveLength(1);
      expect(both.apac.control.sessions()).toHaveLength(1);
    });

    it('serve it from where the configuration says', async () => {
      const gateway = await startBoth({ apac: { organizations: [CONTOSO] }, emea: { organizations: [FABRIKAM] } });
      both.apac.control.clearReceived();
      const oscar = await Caller.named('oscar', { ...both, gateway });
      expect((await organizations(oscar)).body).toMatchObject({ items: [{ id: otherId, backupServer: 'apac' }] });
      expect(await oscar.openSession()).toEqual(expect.any(String));
      expect(both.apac.control.received().some(({ action }) => action === 'explore')).toBe(true);
    });
  });

  describe('with limits of their own', () => {
    const limited = (limits: object) => start([{ ...emea(), limits }, apac()]);

    it('run so many restores at a time', async () => {
      const oscar = await callerAt(await limited({ operations: 1 }));
      const [one, two] = [await sessionIn(oscar, CONTOSO), await sessionIn(oscar, CONTOSO)];
      const elsewhere = await sessionIn(oscar, FABRIKAM);
      const held = pair.emea.control.holdActions();
      const first = await oscar.post(`${await firstOneDrive(oscar, one)}/restore`, {});
      await soon(held.reached);
      const second = await oscar.post(`${await firstOneDrive(oscar, two)}/restore`, {});
      const other = oscar.post(`${await firstOneDrive(oscar, elsewhere)}/restore`, {}, { prefer: 'wait=60' });
      expect((await soon(other)).body).toMatchObject({ state: 'succeeded' });
      await clock.advance(20 * SECOND);
      expect(await oscar.operation(second.body.id as string)).toMatchObject({ state: 'accepted' });
      held.release();
      for (const { body } of [first, second]) {
        expect(await oscar.endOf(body.id as string, moving())).toMatchObject({ state: 'succeeded' });
      }
    });

    it('send so many downloads at a time', async () => {
      const oscar = await callerAt(await limited({ downloads: 1, operations: 1 }));
      const [one, two] = [await sessionIn(oscar, CONTOSO), await sessionIn(oscar, CONTOSO)];
      const [onOne, onTwo] = [await firstOneDrive(oscar, one), await firstOneDrive(oscar, two)];
      const elsewhere = await firstOneDrive(oscar, await sessionIn(oscar, FABRIKAM));
      const held = pair.emea.control.hold({ action: 'save' });
      const first = oscar.fetch('POST', `${onOne}/save`, '{}');
      await held.reached;
      const second = await oscar.post(`${onTwo}/save`, {});
      expectProblem(second, 'too-many-downloads');
      expect(second.headers.get('retry-after')).toBe('30');
      expect((await oscar.fetch('POST', `${elsewhere}/save`, '{}')).status).toBe(200);
      const restored = oscar.post(`${onTwo}/restore`, {}, { prefer: 'wait=60' });
      expect((await soon(restored)).body).toMatchObject({ state: 'succeeded' });
      held.release();
      await (await first).arrayBuffer();
      const again = await until(async () => {
        const answer = await oscar.fetch('POST', `${onTwo}/save`, '{}');
        await answer.arrayBuffer();
        return answer.status === 200;
      });
      expect(again).toBe(true);
    });

    it('keep so many restore sessions open', async () => {
      const gateway = await limited({ restoreSessions: 2 });
      const [oscar, alice] = [await callerAt(gateway), await callerAt(gateway, 'alice')];
      for (const session of (await oscar.get('/api/v1/restore-sessions')).body.items) {
        await soon(oscar.delete(`/api/v1/restore-sessions/${session.id}`));
      }
      const openBefore = pair.emea.control.sessions().filter(({ state }) => state === 'Working').length;
      const answers = await soon(
        Promise.all([oscar, alice, oscar, alice, oscar].map((caller) => open(caller, CONTOSO))),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 429, 429, 429]);
      await sessionIn(oscar, FABRIKAM);
      await until(
        () => pair.emea.control.sessions().filter(({ state }) => state === 'Working').length === openBefore + 2,
        moving(),
      );
    });
  });

  it('of which one is no longer configured: its sessions are out of reach, and the other serves', async () => {
    const before = await callerAt(await start());
    const [contoso, fabrikam] = [await sessionIn(before, CONTOSO), await sessionIn(before, FABRIKAM)];
    const after = await callerAt(await start([emea()]));
    expect(await after.oneDrives(contoso)).not.toEqual([]);
    const unreached = await after.get(`/api/v1/restore-sessions/${fabrikam}/onedrives`);
    expectProblem(unreached, 'upstream-unavailable');
    expect(unreached.body.detail).toBe("The backup server 'apac' is not configured any more.");
    expect((await after.get(`/api/v1/restore-sessions/${fabrikam}`)).body).toMatchObject({ state: 'open' });
  });

  it('say for each whether it can send mail', async () => {
    const gateway = await start();
    const { body } = await (await callerAt(gateway)).get('/api/v1/send-readiness');
    expect(body.ready).toBe(false);
    const servers = body.missing.map(({ backupServer }: { backupServer?: string }) => backupServer) as string[];
    expect(new Set(servers)).toEqual(new Set(['apac']));
  });

  it('are logged out of one by one, as soon as nothing on one of them needs the login', async () => {
    const gateway = await start();
    const oscar = await callerAt(gateway);
    for (const { id } of (await oscar.get('/api/v1/restore-sessions?limit=1000')).body.items) {
      await soon(oscar.delete(`/api/v1/restore-sessions/${id}`));
    }
    const alice = await callerAt(gateway, 'alice');
    for (const { id } of (await alice.get('/api/v1/restore-sessions?limit=1000')).body.items) {
      await soon(alice.delete(`/api/v1/restore-sessions/${id}`));
    }
    const [quiet, busy] = emeaVersion === 'v8' ? [pair.emea, pair.apac] : [pair.apac, pair.emea];
    await sessionIn(oscar, emeaVersion === 'v8' ? FABRIKAM : CONTOSO);
    await until(() => quiet.control.sessions().every(({ state }) => state === 'Stopped'), moving());
    await soon(gateway.close());
    gateways = [];
    const logouts = ({ control }: { control: typeof quiet.control }) =>
      control.received().filter(({ path }) => /logout/i.test(path)).length;
    expect(logouts(quiet)).toBe(1);
    expect(logouts(busy)).toBe(0);
  });
});
