import { randomUUID } from 'node:crypto';

import { type Clock, ManualClock } from '@app/clock';
import { PolicySource } from '@app/policy';

import { contoso } from '../apps/veeam-sandbox/src/people.js';
import { type Answer, Caller, expectProblem } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { PolicyFolder } from './support/policies.js';
import { changedSettings } from './support/settings.js';
import { recordsOf } from './support/trail.js';
import { changes, requests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

const A_LOOK_MS = 10_000;

describe('the policy of POLICY_DIR', () => {
  let neighbours: Neighbours;
  let folder: PolicyFolder;
  let gateway: Gateway | undefined;

  beforeAll(async () => {
    neighbours = await startNeighbours();
  });
  afterAll(() => neighbours.close());
  beforeEach(() => {
    folder = new PolicyFolder();
  });
  afterEach(async () => {
    await gateway?.close();
    gateway = undefined;
    folder.remove();
  });

  async function start(clock?: Clock, environment: Readonly<Record<string, string>> = {}): Promise<Gateway> {
    gateway = await startGateway(neighbours, {
      environment: { POLICY_DIR: folder.path, ...environment },
      ...(clock && { clock }),
      adjust: (configuration) => ({
        ...configuration,
        limits: { ...configuration.limits, requestsPerWindow: 100_000, sessionsPerCaller: 1_000 },
      }),
    });
    return gateway;
  }

  const deskOf = (name: string, at: Gateway): Promise<Desk> => openDesk(name, { ...neighbours, gateway: at });

  /** Asks, and tells whether something other than reads of the catalog went upstream. */
  async function watched(asking: () => Promise<Answer>): Promise<{ answer: Answer; sent: string[] }> {
    neighbours.veeam.control.clearReceived();
    const answer = await asking();
    return { answer, sent: changes(neighbours.veeam.control) };
  }

  async function expectAllowed(asking: () => Promise<Answer>): Promise<void> {
    const { answer, sent } = await watched(asking);
    expect(answer.status).toBeLessThan(300);
    expect(sent).not.toEqual([]);
  }

  async function expectDenied(asking: () => Promise<Answer>, code: 'forbidden' | 'not-found'): Promise<void> {
    const { answer, sent } = await watched(asking);
    expectProblem(answer, code);
    expect(sent).toEqual([]);
  }

  const act = ({ caller, sid }: Desk, oid: string | undefined, action: string, body: object = {}) =>
    caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oid}/${action}`, body, { prefer: 'wait=10' });

  const v5Act = ({ caller, sid }: Desk, oid: string | undefined, body: object) =>
    caller.post(`/v5/RestoreSessions/${sid}/Organization/OneDrives/${oid}/Action`, body);

  it('that forbids everything stops everybody before upstream is asked anything', async () => {
    folder.write('closed', '@id("closed") forbid (principal, action, resource);');
    const { url } = await start();
    neighbours.veeam.control.clearReceived();
    for (const name of ['alice', 'oscar', 'audrey', 'helpdesk-app']) {
      const caller = new Caller(url, await neighbours.sso.token(name));
      const session = `/api/v1/restore-sessions/${randomUUID()}`;
      expectProblem(await caller.get('/api/v1/organizations'), 'forbidden');
      expectProblem(await caller.post('/api/v1/restore-sessions', { organizationId: contoso.id }), 'forbidden');
      expectProblem(await caller.get(session), 'forbidden');
      expectProblem(await caller.post(`${session}/onedrives/${randomUUID()}/save`, {}), 'forbidden');
      expectProblem(await caller.get('/api/v1/operations'), 'forbidden');
      expectProblem(await caller.post(`/v5/Organizations/${contoso.id}/Action`, { explore: {} }), 'forbidden');
    }
    expect(neighbours.veeam.control.received()).toEqual([]);
    expect((await new Caller(url, undefined).get('/health/ready')).status).toBe(200);
  });

  it.each([
    ['07:59', 'forbidden'],
    ['08:00', 'allowed'],
    ['17:59', 'allowed'],
    ['18:00', 'forbidden'],
  ])('that knows business hours goes by the clock: at %s a restore is %s', async (time, expected) => {
    folder.write(
      'business-hours',
      `@id("business-hours") forbid (principal, action in Action::"act", resource)
       unless { context.time.toTime() >= duration("8h") && context.time.toTime() < duration("18h") };`,
    );
    const now = Date.parse(`${new Date().toISOString().slice(0, 10)}T${time}:00Z`);
    const at = await start(new ManualClock(now));
    const seconds = Math.floor(now / 1000);
    const token = await neighbours.sso.token('alice', { iat: seconds - 1, exp: seconds + 600 });
    const caller = new Caller(at.url, token);
    const sid = await caller.openSession();
    const [oid] = await caller.oneDrives(sid);
    const restore = () => caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oid}/save`, {});
    await (expected === 'allowed' ? expectAllowed(restore) : expectDenied(restore, 'forbidden'));
  });

  it('that wants a ticket for what operators save lets none pass without', async () => {
    folder.write(
      'tickets',
      `@id("tickets") forbid (principal, action == Action::"save", resource in Organization::"contoso.onmicrosoft.com")
       unless { principal.owns.contains(resource) || (context has reason && context.reason like "INC-*") };`,
    );
    const at = await start();
    const [oscar, alice] = [await deskOf('oscar', at), await deskOf('alice', at)];
    const bobs = oscar.oneDrives.Bob;
    await expectDenied(() => act(oscar, bobs, 'save'), 'forbidden');
    await expectDenied(() => act(oscar, bobs, 'save', { reason: 'because' }), 'forbidden');
    await expectDenied(() => v5Act(oscar, bobs, { save: null }), 'forbidden');
    await expectAllowed(() => act(oscar, bobs, 'save', { reason: 'INC-4711' }));
    await expectAllowed(() => act(oscar, bobs, 'restore'));
    await expectAllowed(() => act(alice, alice.oneDrives.Alice, 'save'));
  });

  it('that takes the reason of the session lets it stand for what is done there', async () => {
    folder.write(
      'reasons',
      `@id("reasons") forbid (principal, action in [Action::"openRestoreSession", Action::"save"], resource)
       unless { context has reason };`,
    );
    const at = await start();
    const caller = new Caller(at.url, await neighbours.sso.token('alice'));
    const open = (body: object) => caller.post('/api/v1/restore-sessions', { organizationId: contoso.id, ...body });
    await expectDenied(() => open({}), 'forbidden');
    const { body } = await open({ reason: 'lost my files' });
    const [oid] = await caller.oneDrives(body.id as string);
    await expectAllowed(() => caller.post(`/api/v1/restore-sessions/${body.id}/onedrives/${oid}/save`, {}));
  });

  it('that permits people to copy into their own lets them copy nowhere else', async () => {
    folder.write(
      'people-copy',
      `@id("people-copy") permit (principal, action == Action::"copy", resource is OneDrive)
       when { principal.owns.contains(resource) && principal.owns.contains(context.target) };`,
    );
    const at = await start();
    const [oscar, alice] = [await deskOf('oscar', at), await deskOf('alice', at)];
    const [own, bobs] = [alice.oneDrives.Alice, oscar.oneDrives.Bob];
    const copy = (oid: string | undefined, target: object) => act(alice, oid, 'copy', { target });
    await expectAllowed(() => copy(own, { oneDriveId: own }));
    await expectAllowed(() => copy(own, { user: 'alice@contoso.onmicrosoft.com' }));
    await expectDenied(() => copy(own, { oneDriveId: bobs }), 'not-found');
    await expectDenied(() => v5Act(alice, own, { copyTo: { oneDrive: { id: bobs } } }), 'not-found');
    await expectDenied(() => copy(bobs, { oneDriveId: own }), 'not-found');
    await expectDenied(() => copy(bobs, { oneDriveId: bobs }), 'not-found');
    // Whether there is such a target at all is not hers to know.
    const ofBob = await copy(own, { user: 'bob@contoso.onmicrosoft.com' });
    const ofNobody = await copy(own, { user: 'nobody@contoso.onmicrosoft.com' });
    const toNowhere = await copy(own, { oneDriveId: `${randomUUID()}${randomUUID()}` });
    const toBobs = await copy(own, { oneDriveId: bobs });
    expect({ ...ofBob.body, requestId: '' }).toEqual({ ...ofNobody.body, requestId: '' });
    expect({ ...toBobs.body, requestId: '' }).toEqual({ ...toNowhere.body, requestId: '' });
  });

  it('that speaks of the OneDrive as a whole says nothing of what lies in it', async () => {
    folder.write(
      'whole',
      `@id("whole") forbid (principal, action == Action::"save", resource)
       when { context.itemKind == ItemKind::"oneDrive" };`,
    );
    const alice = await deskOf('alice', await start());
    const { body } = await alice.caller.get(
      `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/items`,
    );
    await expectDenied(() => act(alice, alice.oneDrives.Alice, 'save'), 'forbidden');
    for (const kind of ['folder', 'document']) {
      const item = body.items.find((one: Record<'kind' | 'id', string>) => one.kind === kind);
      await expectAllowed(() => act(alice, `${alice.oneDrives.Alice}/${kind}s/${item.id}`, 'save'));
      await expectAllowed(() => act(alice, `${alice.oneDrives.Alice}/${kind}s`, 'save', { ids: [item.id] }));
    }
  });

  it.each([
    ['by the policy on senders', false, 'send-from-an-allowed-sender'],
    ['even by policies that permit any', true, 'default-deny'],
  ])('refuses mail of who has no address to send from, and that is on record: %s', async (_, permitsAny, policy) => {
    if (permitsAny) folder.withdraw('limits', 'send-from-an-allowed-sender');
    const settings = await changedSettings(neighbours, ({ mail }) => ({ mail: { ...mail, senders: [] } }));
    const at = await start(undefined, settings);
    const desk = await deskOf('oscar', at);
    const token = await neighbours.sso.token('oscar', { email_verified: false });
    const oscar = { ...desk, caller: new Caller(at.url, token) };
    const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 's', text: 't' };
    let requestId = '';
    await expectDenied(async () => {
      const answer = await act(oscar, oscar.oneDrives.Bob, 'send', mail);
      requestId = answer.headers.get('x-request-id') ?? '';
      return answer;
    }, 'forbidden');
    expect(await recordsOf(neighbours, requestId)).toMatchObject([
      { action: 'send', decision: 'deny', policies: [policy], item: { oneDriveId: oscar.oneDrives.Bob } },
    ]);
  });

  it('that forbids overwriting lets the rest go on', async () => {
    folder.write(
      'no-overwrite',
      `@id("no-overwrite") forbid (principal, action in [Action::"restore", Action::"copy"], resource)
       when { context.documentAction == DocumentAction::"overwrite" };`,
    );
    const alice = await deskOf('alice', await start());
    const own = alice.oneDrives.Alice;
    await expectDenied(() => act(alice, own, 'restore', { documentAction: 'overwrite' }), 'forbidden');
    const v5 = { restoreToOriginalLocation: { documentAction: 'Overwrite' } };
    await expectDenied(() => v5Act(alice, own, v5), 'forbidden');
    await expectAllowed(() => act(alice, own, 'restore', { documentAction: 'keep' }));
    await expectAllowed(() => act(alice, own, 'restore'));
  });

  describe('that keeps one OneDrive back from operators', () => {
    let oscar: Desk;
    let at: Gateway;
    let alices: string;
    const search = (query = '') =>
      oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/onedrives/search${query}`, { query: 'plan' });
    const hits = ({ body }: Answer) =>
      body.items.map(({ oneDriveId }: { oneDriveId: string }) => oneDriveId) as string[];

    beforeEach(async () => {
      alices = (await openDesk('alice', { ...neighbours, gateway: await start() })).oneDrives.Alice ?? '';
      await gateway?.close();
      folder.write(
        'board',
        `@id("board") forbid (principal, action in [Action::"browse", Action::"act"], resource == OneDrive::"${alices}")
         unless { principal.owns.contains(resource) };`,
      );
      at = await start(undefined, { VEEAM_API_VERSION: 'v8' });
      oscar = await deskOf('oscar', at);
    });

    it('keeps what lies in it out of a search of all, whose pages may then be empty and go on', async () => {
      neighbours.veeam.control.clearReceived();
      expect(hits(await search())).toEqual([oscar.oneDrives.Bob]);
      const asked = requests(neighbours.veeam.control).filter((request) => /search/i.test(request));
      expect(asked).toHaveLength(1);
      const first = await search('?limit=1');
      expect({ status: first.status, items: first.body.items as unknown }).toEqual({ status: 200, items: [] });
      expect(hits(await search(`?limit=1&cursor=${first.body.nextCursor}`))).toEqual([oscar.oneDrives.Bob]);
      const alice = await deskOf('alice', at);
      const own = await alice.caller.post(`/api/v1/restore-sessions/${alice.sid}/onedrives/search`, { query: 'plan' });
      expect(hits(own)).toEqual([alices]);
    });

    it('keeps out what does not say where it lies', async () => {
      const named = (name: string) => ({
        id: name,
        name,
        sizeBytes: 1,
        modificationTime: '2026-01-01T00:00:00Z',
      });
      const href = `/v8/RestoreSessions/1/Organization/OneDrives/${oscar.oneDrives.Bob}`;
      const results = [named('Plan.md'), { ...named('Plan B.md'), _links: { onedrive: { href } } }];
      neighbours.veeam.control.addFault({
        match: { action: 'search' },
        fault: { kind: 'answer', status: 200, body: { offset: 0, limit: 2, results } },
      });
      expect(hits(await search())).toEqual([oscar.oneDrives.Bob]);
    });

    it('lets its name stand in the list, and nothing else be had of it', async () => {
      expect(oscar.oneDrives.Alice).toBe(alices);
      const path = `/api/v1/restore-sessions/${oscar.sid}/onedrives/${alices}`;
      for (const answer of [
        await oscar.caller.get(path),
        await oscar.caller.get(`${path}/items`),
        await oscar.caller.post(`${path}/search`, { query: 'plan' }),
      ]) {
        expectProblem(answer, 'not-found');
      }
      await expectDenied(() => act(oscar, alices, 'save'), 'not-found');
    });
  });

  it('without the permit for device codes gives none to anybody, and asks upstream for none', async () => {
    folder.withdraw('operators', 'operators-request-device-codes');
    const oscar = await deskOf('oscar', await start());
    neighbours.veeam.control.clearReceived();
    expectProblem(await oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/device-codes`), 'forbidden');
    const v5 = `/v5/RestoreSessions/${oscar.sid}/organization/restoreDeviceCode`;
    expectProblem(await oscar.caller.post(v5), 'forbidden');
    expect(neighbours.veeam.control.received()).toEqual([]);
  });

  it.each([
    ['people', 'permit (principal, action,\n\nresourse);', 'people.cedar:3:'],
    ['added', '@id("added")\npermit (principal, action == Action::"destroy", resource);', 'added.cedar:2:'],
    ['added', 'forbid (principal, action, resource);', 'added.cedar:1: the policy has no @id("...")'],
    ['added', '', 'added.cedar: holds no policy'],
  ])('that is broken stops the start and says where: %s.cedar with %j', async (name, text, place) => {
    folder.write(name, text);
    await expect(start()).rejects.toThrow(place);
    await expect(start()).rejects.toThrow('The policies cannot be used:');
  });

  describe('explained', () => {
    const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 'Your files', text: 'Here they are.' };
    const explain = ({ caller, sid }: Desk, body: object) =>
      caller.post('/api/v1/policy/explain', { restoreSessionId: sid, ...body });

    const told = ({ status, body }: Answer) => ({ status, body: { ...body, requestId: '' } as unknown });

    it('names the policies that decide, and does nothing', async () => {
      const at = await start();
      const [oscar, alice] = [await deskOf('oscar', at), await deskOf('alice', at)];
      const [own, bobs] = [alice.oneDrives.Alice, oscar.oneDrives.Bob];
      const operations = (desk: Desk) =>
        desk.caller.get('/api/v1/operations').then(({ body }) => body.items as unknown);
      const before = [await operations(alice), await operations(oscar)];
      neighbours.veeam.control.clearReceived();
      const rows: [Desk, object, 'allow' | 'deny', string][] = [
        [alice, { oneDriveId: own, action: 'browse' }, 'allow', 'people-act-on-own-onedrive'],
        [alice, { oneDriveId: own, action: 'restore' }, 'allow', 'people-act-on-own-onedrive'],
        [alice, { oneDriveId: own, action: 'send', ...mail }, 'deny', 'default-deny'],
        [alice, { oneDriveId: own, action: 'copy', target: { oneDriveId: own } }, 'deny', 'default-deny'],
        [alice, { action: 'requestDeviceCode' }, 'deny', 'default-deny'],
        [oscar, { oneDriveId: bobs, action: 'save', reason: 'why' }, 'allow', 'operators-act-in-their-organizations'],
        [oscar, { oneDriveId: bobs, action: 'copy', target: { oneDriveId: own } }, 'allow', 'operators-copy'],
        [oscar, { oneDriveId: bobs, action: 'send', ...mail }, 'allow', 'operators-send'],
        [
          oscar,
          { oneDriveId: bobs, action: 'send', ...mail, to: 'x@elsewhere.example' },
          'deny',
          'send-to-an-allowed-recipient',
        ],
        [oscar, { action: 'requestDeviceCode' }, 'allow', 'operators-request-device-codes'],
      ];
      for (const [desk, body, decision, policy] of rows) {
        expect(await explain(desk, body)).toMatchObject({
          status: 200,
          body: { decision, policies: [policy], errors: [] },
        });
      }
      expect(changes(neighbours.veeam.control)).toEqual([]);
      expect([await operations(alice), await operations(oscar)]).toEqual(before);
    });

    it('decides as the request itself is decided, by the policy in force', async () => {
      folder.write(
        'own',
        `@id("ticket") forbid (principal, action in Action::"act", resource) unless { context has reason };
         @id("no-overwrite") forbid (principal, action in Action::"act", resource)
         when { context has documentAction && context.documentAction == DocumentAction::"overwrite" };
         @id("profile") forbid (principal, action == Action::"restore", resource)
         unless { context has credentialProfile && context.credentialProfile == "contoso" };`,
      );
      const at = await start();
      const oscar = await deskOf('oscar', at);
      const oid = oscar.oneDrives.Bob;
      const target = { oneDriveId: oscar.oneDrives.Alice };
      const reason = 'INC-1';
      const rows: [action: string, body: object, policies: string[]][] = [
        ['restore', {}, ['ticket']],
        ['restore', { reason }, []],
        ['restore', { reason, documentAction: 'overwrite' }, ['no-overwrite']],
        ['restore', { reason, credentialProfile: 'other' }, ['profile']],
        ['copy', { reason, target }, []],
        ['copy', { target, documentLastVersionAction: 'overwrite' }, ['no-overwrite', 'ticket']],
        ['send', { ...mail }, ['ticket']],
        ['send', { ...mail, reason }, []],
        ['save', {}, ['ticket']],
        ['save', { reason }, []],
      ];
      for (const [action, body, policies] of rows) {
        const { body: explained } = await explain(oscar, { oneDriveId: oid, action, ...body });
        const done = await act(oscar, oid, action, body);
        expect([action, body, explained.decision]).toEqual([action, body, done.status === 200 ? 'allow' : 'deny']);
        if (policies.length > 0) expect(explained.policies).toEqual(policies);
      }
    });

    it('tells of an error in a policy, which is a deny', async () => {
      folder.write(
        'failing',
        '@id("failing") forbid (principal, action == Action::"save", resource) when { 9223372036854775807 + 1 == 0 };',
      );
      const alice = await deskOf('alice', await start());
      const { body } = await explain(alice, { oneDriveId: alice.oneDrives.Alice, action: 'save' });
      expect(body).toEqual({
        decision: 'deny',
        policies: ['failing'],
        errors: [expect.stringMatching(/^failing: .*overflow/)],
      });
    });

    it('tells nothing of what the caller may not browse', async () => {
      folder.write(
        'people-copy',
        `@id("people-copy") permit (principal, action == Action::"copy", resource is OneDrive)
         when { principal.owns.contains(resource) && principal.owns.contains(context.target) };`,
      );
      const at = await start();
      const [oscar, alice] = [await deskOf('oscar', at), await deskOf('alice', at)];
      const [own, bobs, nobodys] = [alice.oneDrives.Alice, oscar.oneDrives.Bob, `${randomUUID()}${randomUUID()}`];
      for (const rest of [{ action: 'browse' }, { action: 'save' }, { action: 'copy', target: { oneDriveId: own } }]) {
        const theirs = await explain(alice, { oneDriveId: bobs, ...rest });
        expectProblem(theirs, 'not-found');
        expect(told(theirs)).toEqual(told(await explain(alice, { oneDriveId: nobodys, ...rest })));
      }
      const into = (target: object) => explain(alice, { oneDriveId: own, action: 'copy', target });
      expectProblem(await into({ oneDriveId: bobs }), 'not-found');
      expect(told(await into({ oneDriveId: bobs }))).toEqual(told(await into({ oneDriveId: nobodys })));
      expect(told(await into({ user: 'bob@contoso.onmicrosoft.com' }))).toEqual(
        told(await into({ user: 'nobody@contoso.onmicrosoft.com' })),
      );
      const inSession = (sid: string) =>
        explain(alice, { restoreSessionId: sid, oneDriveId: own, action: 'save' }).then(told);
      expect(await inSession(oscar.sid)).toEqual(await inSession(randomUUID()));
      expect(await inSession(oscar.sid)).toMatchObject({ status: 404 });
    });

    it('looks nothing up for a caller who never may do what is asked', async () => {
      const at = await start();
      const [oscar, alice] = [await deskOf('oscar', at), await deskOf('alice', at)];
      const { Alice: own, Bob: bobs } = oscar.oneDrives;
      const users = ['bob@contoso.onmicrosoft.com', 'nobody@contoso.onmicrosoft.com'];
      const copies = users.map((user) => ({ action: 'copy', oneDriveId: own, target: { user } }));
      neighbours.veeam.control.clearReceived();
      for (const body of [
        ...copies,
        { ...copies[0], oneDriveId: bobs },
        { action: 'send', oneDriveId: bobs, ...mail },
      ]) {
        expect(await explain(alice, body)).toMatchObject({
          status: 200,
          body: { decision: 'deny', policies: ['default-deny'], errors: [] },
        });
      }
      expect(neighbours.veeam.control.received()).toEqual([]);
    });

    it('takes the body of the action and nothing else', async () => {
      const alice = await deskOf('alice', await start());
      const oneDriveId = alice.oneDrives.Alice;
      const faults: [body: object, fields: string[]][] = [
        [{}, ['action']],
        [{ action: 'destroy', oneDriveId }, ['action']],
        [{ action: 'save' }, ['oneDriveId']],
        [{ action: 'requestDeviceCode', oneDriveId }, ['oneDriveId']],
        [{ action: 'requestDeviceCode', reason: 'why' }, ['reason']],
        [{ action: 'browse', oneDriveId, target: {} }, ['target']],
        [{ action: 'restore', oneDriveId, documentAction: 'merge' }, ['documentAction']],
        [{ action: 'send', oneDriveId, to: mail.to }, ['subject', 'text']],
        [{ action: 'save', oneDriveId, restoreSessionId: 'none' }, ['restoreSessionId']],
      ];
      for (const [body, fields] of faults) {
        const answer = await explain(alice, body);
        expectProblem(answer, 'validation-failed');
        expect((answer.body.errors as { field: string }[]).map(({ field }) => field)).toEqual(fields);
      }
      expectProblem(await alice.caller.post('/api/v1/policy/explain'), 'validation-failed');
    });
  });

  describe('when it changes', () => {
    let clock: ManualClock;
    let at: Gateway;
    let alice: Desk;
    const FREEZE = '@id("freeze") forbid (principal, action in Action::"act", resource);';

    beforeEach(async () => {
      clock = new ManualClock(Date.now());
      at = await start(clock);
      alice = await deskOf('alice', at);
    });

    const look = () => clock.advance(A_LOOK_MS);
    const save = () => act(alice, alice.oneDrives.Alice, 'save');

    it('is taken once it was the same at two looks, without a restart', async () => {
      await expectAllowed(save);
      folder.write('freeze', FREEZE);
      await expectAllowed(save);
      await look();
      await expectAllowed(save);
      await look();
      await expectDenied(save, 'forbidden');
      folder.delete('freeze');
      await look();
      await expectDenied(save, 'forbidden');
      await look();
      await expectAllowed(save);
      expect(at.log().filter((line) => line.includes('the policy was replaced'))).toHaveLength(2);
    });

    it('is not taken half written: each change waits for two looks of its own', async () => {
      folder.delete('limits');
      await look();
      folder.write('freeze', FREEZE);
      await look();
      await expectAllowed(save);
      await look();
      await expectDenied(save, 'forbidden');
      expect(at.log().filter((line) => line.includes('the policy was replaced'))).toHaveLength(1);
    });

    it('and is broken, opens nothing and closes nothing, and the log says so once', async () => {
      const oscar = await deskOf('oscar', at);
      const bobs = oscar.oneDrives.Bob;
      folder.write('open', '@id("open") permit (principal, action, resource);');
      folder.write('people', 'permit (principal');
      for (let looks = 0; looks < 4; looks++) {
        await look();
        await expectAllowed(save);
        await expectDenied(() => act(alice, bobs, 'save'), 'not-found');
      }
      const told = at.log().filter((line) => line.includes('the policy on disk is broken'));
      expect(told).toHaveLength(1);
      expect(told[0]).toContain('people.cedar:1:');
    });

    it('under load, decides no request by anything but a set in force', async () => {
      const oscar = await deskOf('oscar', at);
      const [own, bobs] = [alice.oneDrives.Alice, oscar.oneDrives.Bob];
      const policy = at.app.get(PolicySource);
      // Of every set that was in force: may alice browse what is hers, may oscar browse what is bob's?
      const inForce = new Map([[policy.engine.digest, { own: 200, bobs: 200 }]]);
      const answers: { who: 'own' | 'bobs' | 'neither'; status: number; digests: string[] }[] = [];
      let isOver = false;

      const keepAsking = async (who: 'own' | 'bobs' | 'neither', { caller, sid }: Desk, oid: string | undefined) => {
        while (!isOver) {
          const before = policy.engine.digest;
          const { status } = await caller.get(`/api/v1/restore-sessions/${sid}/onedrives/${oid}`);
          answers.push({ who, status, digests: [before, policy.engine.digest] });
        }
      };
      const load = Promise.all([
        keepAsking('own', alice, own),
        keepAsking('own', alice, own),
        keepAsking('bobs', oscar, bobs),
        keepAsking('neither', alice, bobs),
      ]);
      const afterMore = async (count: number) => {
        const goal = answers.length + count;
        while (answers.length < goal) await new Promise(setImmediate);
      };

      for (let change = 1; change <= 8; change++) {
        const before = policy.engine.digest;
        const closed = change % 2 === 0 ? own : bobs;
        folder.write(
          'closed',
          `@id("closed-${change}") forbid (principal, action, resource == OneDrive::"${closed}");`,
        );
        await look();
        await look();
        expect(policy.engine.digest).not.toBe(before);
        inForce.set(policy.engine.digest, closed === own ? { own: 404, bobs: 200 } : { own: 200, bobs: 404 });
        await afterMore(12);
        folder.write('open', 'permit (principal, action');
        await look();
        await look();
        await afterMore(12);
        folder.delete('open');
      }
      isOver = true;
      await load;
      // A request during which the policy changed may have been decided by either set.
      const wrong = answers.filter(({ who, status, digests }) => {
        const allowed = digests.map((digest) => (who === 'neither' ? 404 : inForce.get(digest)?.[who]));
        return !allowed.includes(status);
      });
      expect(wrong).toEqual([]);
      expect(new Set(answers.map(({ who, status }) => `${who} ${status}`)).size).toBe(5);
      expect(inForce.size).toBe(9);
    }, 60_000);
  });
});
