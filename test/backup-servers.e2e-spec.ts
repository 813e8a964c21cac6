import { type Gateway, startGateway } from './support/world.js';
import { adjust, betweenServers, CONTOSO, FABRIKAM, versionPairs } from './support/between-servers.js';
import { Caller, expectProblem } from './support/caller.js';
import { runCommand } from './support/command.js';
import { environmentOf, serverSettings, type ServerPair, startServerPair } from './support/server-pair.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests, requests } from './support/upstream.js';

jest.setTimeout(60_000);

describe.each(versionPairs)('two backup servers, $emeaVersion and $apacVersion,', (versions) => {
  const at = betweenServers(versions);
  const { emeaVersion, apacVersion } = versions;

  it('each have their own login, trust and version, and organizations are found on the one that has them', async () => {
    const gateway = await at.start();
    const listed = await at.organizations(await at.callerAt(gateway));
    const can = (apiVersion: string) => expect.objectContaining({ apiVersion }) as object;
    expect(listed.body).toEqual({
      items: [
        expect.objectContaining({ name: CONTOSO, backupServer: 'emea', capabilities: can(emeaVersion) }),
        expect.objectContaining({ name: FABRIKAM, backupServer: 'apac', capabilities: can(apacVersion) }),
      ],
    });
    expect(requests(at.pair.emea.control).every((request) => request.includes(`/${emeaVersion}/`))).toBe(true);
    expect(requests(at.pair.apac.control).every((request) => request.includes(`/${apacVersion}/`))).toBe(true);
    expect(await at.readiness(gateway)).toEqual({
      status: 200,
      upstream: { status: 'up', detail: `emea: API ${emeaVersion}, apac: API ${apacVersion}` },
    });
    const bare = await (await at.callerAt(gateway, 'fred')).get('/v5/Organizations');
    expect(bare.body).toMatchObject([{ name: FABRIKAM }]);
  });

  it.each([
    ['emea', CONTOSO],
    ['apac', FABRIKAM],
  ] as const)('serve all of a restore session on %s, and the other hears nothing of it', async (name, organization) => {
    const gateway = await at.start();
    const oscar = await at.callerAt(gateway);
    const [own, other] = name === 'emea' ? [at.pair.emea, at.pair.apac] : [at.pair.apac, at.pair.emea];
    const sid = await at.sessionIn(oscar, organization);
    other.control.clearReceived();
    const oneDrive = await at.firstOneDrive(oscar, sid);
    const restored = await at.soon(oscar.post(`${oneDrive}/restore`, {}, { prefer: 'wait=60' }));
    expect(restored).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    const saved = await oscar.fetch('POST', `${oneDrive}/save`, '{}');
    expect((await saved.arrayBuffer()).byteLength).toBeGreaterThan(0);
    expect((await at.soon(oscar.delete(`/api/v1/restore-sessions/${sid}`))).status).toBe(204);
    expect(actionRequests(own.control).map(({ action }) => action)).toEqual(['restore', 'save']);
    expect(own.control.sessions().find(({ kind }) => kind === 'explore')).toMatchObject({ state: 'Stopped' });
    expect(requests(other.control)).toEqual([]);
    const records = (await auditRecords(at.pair)).filter(({ restoreSessionId }) => restoreSessionId === sid);
    expect(records.length).toBeGreaterThan(5);
    expect(new Set(records.map(({ backupServer }) => backupServer))).toEqual(new Set([name]));
  });

  it('are not one: an id of the one means nothing to the other', async () => {
    const oscar = await at.callerAt(await at.start());
    const [contoso, fabrikam] = [await at.sessionIn(oscar, CONTOSO), await at.sessionIn(oscar, FABRIKAM)];
    const [own = ''] = await at.soon(oscar.oneDrives(contoso));
    at.pair.apac.control.clearReceived();
    expectProblem(await at.soon(oscar.get(`/api/v1/restore-sessions/${fabrikam}/onedrives/${own}`)), 'not-found');
    const copy = oscar.post(`/api/v1/restore-sessions/${fabrikam}/onedrives/${own}/restore`, {});
    expectProblem(await at.soon(copy), 'not-found');
    expect(actionRequests(at.pair.apac.control)).toEqual([]);
  });

  it('are not trusted for one another', async () => {
    const gateway = await at.start([at.emea(), { ...at.apac(), certFingerprint: at.pair.emea.fingerprint }]);
    const listed = await at.soon(at.organizations(await at.callerAt(gateway)));
    expect(listed.body).toMatchObject({ items: [{ name: CONTOSO }], incomplete: true });
    expect(at.pair.apac.control.received()).toEqual([]);
  });

  it('are not logged in to with one another’s password', async () => {
    const gateway = await at.start([
      at.emea(),
      { ...at.apac(), password: { file: at.pair.emea.secretFiles.password } },
    ]);
    const listed = await at.soon(at.organizations(await at.callerAt(gateway)));
    expect(listed.body).toMatchObject({ items: [{ name: CONTOSO }], incomplete: true });
    expect(await at.readiness(gateway)).toMatchObject({
      status: 200,
      upstream: {
        status: 'degraded',
        code: 'upstream-login-failed',
        detail: expect.stringContaining('apac: ') as string,
      },
    });
  });

  describe('with the same tenant', () => {
    let both: ServerPair;
    let running: Gateway | undefined;
    const otherId = '11111111-2222-4333-8444-555555555555';

    beforeAll(async () => {
      both = await startServerPair({ emea: [{ name: CONTOSO }], apac: [{ name: CONTOSO, id: otherId }] });
    });
    afterEach(async () => {
      both.emea.control.clearFaults();
      await running?.close();
    });
    afterAll(() => both.close());

    const startBoth = async (change: { emea?: object; apac?: object } = {}): Promise<Gateway> => {
      const environment = await environmentOf(both, [
        { ...serverSettings('emea', both.emea, emeaVersion), ...change.emea },
        { ...serverSettings('apac', both.apac, apacVersion), ...change.apac },
      ]);
      running = await startGateway(both, { adjust, environment });
      return running;
    };

    it('are told apart by id, and by name nobody guesses', async () => {
      const gateway = await startBoth();
      const oscar = await Caller.named('oscar', { ...both, gateway });
      const { body } = await at.organizations(oscar);
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

    it('do not stand in for one another by name while one cannot be asked', async () => {
      const gateway = await startBoth();
      const oscar = await Caller.named('oscar', { ...both, gateway });
      const [{ id: emeaId }] = (await at.organizations(oscar)).body.items as [{ id: string }];
      const before = both.apac.control.sessions();
      both.emea.control.addFault({ fault: { kind: 'answer', status: 503, body: {} }, times: Infinity });
      const named = { organization: CONTOSO, user: 'alice@contoso.onmicrosoft.com', action: 'restore' };
      expectProblem(await oscar.post('/api/v1/restores', named), 'upstream-unavailable');
      expectProblem(await oscar.post('/api/v1/restores', { ...named, organization: emeaId }), 'upstream-unavailable');
      expect(both.apac.control.sessions()).toEqual(before);
      const byId = await oscar.post('/api/v1/restores', { ...named, organization: otherId, dryRun: true });
      expect(byId).toMatchObject({ status: 200 });
    });

    it('serve it from where the configuration says', async () => {
      const gateway = await startBoth({ apac: { organizations: [CONTOSO] }, emea: { organizations: [FABRIKAM] } });
      both.apac.control.clearReceived();
      const oscar = await Caller.named('oscar', { ...both, gateway });
      expect((await at.organizations(oscar)).body).toMatchObject({ items: [{ id: otherId, backupServer: 'apac' }] });
      expect(await oscar.openSession()).toEqual(expect.any(String));
      expect(both.apac.control.received().some(({ action }) => action === 'explore')).toBe(true);
    });
  });

  it('of which one is no longer configured: its sessions are out of reach, and the other serves', async () => {
    const before = await at.callerAt(await at.start());
    const [contoso, fabrikam] = [await at.sessionIn(before, CONTOSO), await at.sessionIn(before, FABRIKAM)];
    const after = await at.callerAt(await at.start([at.emea()]));
    expect(await after.oneDrives(contoso)).not.toEqual([]);
    const unreached = await after.get(`/api/v1/restore-sessions/${fabrikam}/onedrives`);
    expectProblem(unreached, 'upstream-unavailable');
    expect(unreached.body.detail).toBe("The backup server 'apac' is not configured any more.");
    expect((await after.get(`/api/v1/restore-sessions/${fabrikam}`)).body).toMatchObject({ state: 'open' });
  });

  it('say for each whether it can send mail', async () => {
    const gateway = await at.start();
    const { body } = await (await at.callerAt(gateway)).get('/api/v1/send-readiness');
    expect(body.ready).toBe(false);
    const servers = body.missing.map(({ backupServer }: { backupServer?: string }) => backupServer) as string[];
    expect(new Set(servers)).toEqual(new Set(['apac']));
  });

  it('are each looked at by the commands, and one that refuses the login keeps none from being', async () => {
    const broken = { ...at.apac(), password: { file: at.pair.emea.secretFiles.password } };
    const run = async (name: 'credentials' | 'email-settings', servers: Readonly<Record<string, unknown>>[]) =>
      runCommand(name, ['check'], {
        environment: { ...at.pair.environment, ...(await environmentOf(at.pair, servers)) },
        canary: at.pair.canary,
      });

    const logins = await run('credentials', [at.emea(), broken]);
    expect(logins.stdout).toMatch(new RegExp(`^backup server emea +login +ok +logged in, API ${emeaVersion}$`, 'm'));
    expect(logins.stdout).toMatch(/^backup server apac +login +BROKEN +The backup server refuses the login/m);
    expect(logins.code).toBe(1);

    const mail = await run('email-settings', [at.emea(), at.apac()]);
    expect(mail.stdout).toMatch(
      /^emea:\nThe backup server can send mail\.\napac:\nThe backup server cannot send mail:\n {2}/,
    );
    expect(mail).toMatchObject({ stderr: '', code: 1 });
    const unasked = await run('email-settings', [broken, at.emea()]);
    expect(unasked.stdout).toBe('apac:\nemea:\nThe backup server can send mail.\n');
    expect(unasked).toMatchObject({ stderr: expect.stringContaining('refuses the login') as string, code: 2 });
  });

  it('are logged out of one by one, as soon as nothing on one of them needs the login', async () => {
    const gateway = await at.start();
    const oscar = await at.callerAt(gateway);
    for (const { id } of (await oscar.get('/api/v1/restore-sessions?limit=1000')).body.items) {
      await at.soon(oscar.delete(`/api/v1/restore-sessions/${id}`));
    }
    const [quiet, busy] = emeaVersion === 'v8' ? [at.pair.emea, at.pair.apac] : [at.pair.apac, at.pair.emea];
    await at.sessionIn(oscar, emeaVersion === 'v8' ? FABRIKAM : CONTOSO);
    await until(() => quiet.control.sessions().every(({ state }) => state === 'Stopped'), at.moving());
    await at.closeAll();
    const logouts = ({ control }: { control: typeof quiet.control }) =>
      control.received().filter(({ path }) => /logout/i.test(path)).length;
    expect(logouts(quiet)).toBe(1);
    expect(logouts(busy)).toBe(0);
  });
});
