import { ManualClock } from '@app/clock';

import { type Answer, Caller, expectProblem } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { digestsBelow, digestsInZip, emptyFolder } from './support/files.js';
import { until, whileAdvancing } from './support/until.js';
import { actionRequests, changes, requests, wholeMillisecond } from './support/upstream.js';
import { type Gateway, startGateway, startWorld, type World } from './support/world.js';

jest.setTimeout(30_000);

const publicUrl = 'https://restore.example.com';
const contoso = 'contoso.onmicrosoft.com';
const fabrikam = 'fabrikam.onmicrosoft.com';
const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const aUuid = expect.stringMatching(/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/) as string;

const wholeStatistics = {
  totalItemsCount: 5,
  restoredItemsCount: 5,
  failedItemsCount: 0,
  skippedItemsByErrorCount: 0,
  skippedItemsByNoChangesCount: 0,
  failedRestrictionsCount: 0,
  restoreIssues: [],
};

describe('the v5 routes', () => {
  let world: World;
  let control: World['veeam']['control'];
  let alice: Desk;
  let bob: Desk;
  let oscar: Desk;

  beforeAll(async () => {
    world = await startWorld({ environment: { PUBLIC_URL: publicUrl } });
    control = world.veeam.control;
    alice = await openDesk('alice', world);
    bob = await openDesk('bob', world);
    oscar = await openDesk('oscar', world);
  });
  afterAll(() => world.close());

  beforeEach(async () => {
    control.clearFaults();
    control.clearReceived();
    await emptyFolder(world.veeam.productionDir);
  });

  const sessionRoute = ({ sid }: Desk) => `/v5/RestoreSessions/${sid}`;
  const oneDriveRoute = (desk: Desk, owner: string) =>
    `${sessionRoute(desk)}/Organization/OneDrives/${desk.oneDrives[owner] ?? ''}`;
  const actionRoute = (desk: Desk, owner: string) => `${oneDriveRoute(desk, owner)}/Action`;
  const restoreRequest = { restoreToOriginalLocation: { documentVersion: 'last', documentAction: 'keep' } };

  const filesOf = (owner: string) => digestsBelow(`${world.veeam.filesDir}/${owner}@${contoso}`);
  const producedFor = (owner: string) => digestsBelow(`${world.veeam.productionDir}/${owner}@${contoso}`);

  describe('organizations', () => {
    it.each(['/v5/Organizations', '/V5/ORGANIZATIONS'])(
      '%s: a bare array of what the caller may see',
      async (route) => {
        const { status, body } = await alice.caller.get(route);
        expect(status).toBe(200);
        const { body: page } = await alice.caller.get('/api/v1/organizations');
        const [known] = page.items;
        expect(body).toEqual([
          {
            id: known.id,
            name: contoso,
            officeName: contoso,
            isBackedup: true,
            firstBackuptime: known.firstBackupAt,
            lastBackuptime: known.lastBackupAt,
          },
        ]);
      },
    );

    it('are none for somebody who has nothing to do here', async () => {
      const mallory = await Caller.named('mallory', world);
      expect(await mallory.get('/v5/Organizations')).toMatchObject({ status: 200, body: [] });
    });
  });

  describe('explore', () => {
    const day = new Date(Date.now() - 2 * 24 * 60 * 60 * 1_000).toISOString().slice(0, 10);
    const explore = (body: unknown, caller = oscar.caller, organizationId = oscar.organizationId) =>
      caller.post(`/v5/Organizations/${organizationId}/Action`, body);

    it('opens a session under an id of the gateway', async () => {
      const { body: page } = await oscar.caller.get('/api/v1/organizations');
      const newest = page.items[0].lastBackupAt as string;
      const { status, body } = await explore({ explore: null });
      expect(status).toBe(201);
      expect(body).toEqual({
        id: aUuid,
        organization: contoso,
        type: 'Veod',
        creationTime: aTime,
        state: 'Working',
        result: 'Success',
        _links: {
          self: { href: `${publicUrl}/v5/RestoreSessions/${body.id}` },
          onedrives: { href: `${publicUrl}/v5/RestoreSessions/${body.id}/Organization/OneDrives` },
        },
      });
      expect(control.sessions().map(({ id }) => id)).not.toContain(body.id);
      expect(control.received().at(-1)?.body).toEqual({
        explore: { dateTime: wholeMillisecond(newest), type: 'veod', showDeleted: false, showAllVersions: false },
      });
      const read = await oscar.caller.get(`/v5/RestoreSessions/${body.id}`);
      expect(read).toMatchObject({ status: 200, body });
      await oscar.caller.post(`/v5/RestoreSessions/${body.id}/Action`, { stop: null });
    });

    it.each([
      [`${day} 06:07:08.900`, `${day}T06:07:08.900Z`],
      [`${day.replaceAll('-', '.')} 06:07:08`, `${day}T06:07:08.000Z`],
      [`${day} 06:07`, `${day}T06:07:00.000Z`],
      [`${day}T06:07:08Z`, `${day}T06:07:08.000Z`],
      [`${day}T08:07:08+02:00`, `${day}T06:07:08.000Z`],
    ])('reads the date %s', async (dateTime, moment) => {
      const { status, body } = await explore({
        EXPLORE: { DateTime: dateTime, Type: 'VEOD', showDeleted: 'True', ShowAllVersions: false },
      });
      expect(status).toBe(201);
      expect(control.received().at(-1)?.body).toEqual({
        explore: { dateTime: wholeMillisecond(moment), type: 'veod', showDeleted: true, showAllVersions: false },
      });
      const { body: session } = await oscar.caller.get(`/api/v1/restore-sessions/${body.id}`);
      expect(session.pointInTime).toBe(moment);
      await oscar.caller.post(`/v5/RestoreSessions/${body.id}/Action`, { stop: null });
    });

    it.each([
      ['a moment that does not exist', { explore: { dateTime: '2026-02-30 10:00:00' } }, 'explore.dateTime'],
      ['a date in another order', { explore: { dateTime: '31.12.2025 10:00:00' } }, 'explore.dateTime'],
      ['a number', { explore: { dateTime: 1767225600 } }, 'explore.dateTime'],
      ['another kind of backup', { explore: { type: 'vex' } }, 'explore.type'],
      ['an unknown member', { explore: { reason: 'Ticket' } }, 'explore.reason'],
      ['another word', { stop: null }, 'stop'],
      ['nothing', {}, 'explore'],
    ])('refuses %s', async (_what, body, field) => {
      const answer = await explore(body);
      expectProblem(answer, 'validation-failed');
      expect(answer.body.errors.map((error: { field: string }) => error.field)).toEqual([field]);
      expect(requests(control)).toEqual([]);
    });

    it('knows of no backup before the first', async () => {
      expectProblem(await explore({ explore: { dateTime: '2001-01-01 00:00:00' } }), 'before-first-backup');
      expect(changes(control)).toEqual([]);
    });

    it("does not open somebody else's organization", async () => {
      const fred = await openDesk('fred', world, fabrikam);
      control.clearReceived();
      expectProblem(await explore({ explore: null }, alice.caller, fred.organizationId), 'not-found');
      expectProblem(await explore({ explore: null }, await Caller.named('mallory', world)), 'forbidden');
      expect(changes(control)).toEqual([]);
    });
  });

  describe('a session', () => {
    it('is read by its owner only', async () => {
      const { body } = await alice.caller.get(sessionRoute(alice));
      expect(body).toMatchObject({ id: alice.sid, organization: contoso, state: 'Working' });
      expectProblem(await bob.caller.get(sessionRoute(alice)), 'not-found');
      expectProblem(await oscar.caller.get(sessionRoute(alice)), 'not-found');
    });

    it('is not found under its upstream id', async () => {
      expectProblem(await alice.caller.get(`/v5/RestoreSessions/${alice.upstreamSid}`), 'not-found');
    });

    it('is stopped, upstream too, and stays so', async () => {
      const desk = await openDesk('alice', world);
      const stopped = await desk.caller.post(`${sessionRoute(desk).toLowerCase()}/ACTION`, { Stop: null });
      expect(stopped).toMatchObject({ status: 200, body: '' });
      expect(control.sessions().find(({ id }) => id === desk.upstreamSid)?.state).toBe('Stopped');
      const { body } = await desk.caller.get(sessionRoute(desk));
      expect(body).toMatchObject({ id: desk.sid, state: 'Stopped', endTime: aTime });

      expect(await desk.caller.post(`${sessionRoute(desk)}/Action`, { stop: null })).toMatchObject({ status: 200 });
      expectProblem(await desk.caller.post(actionRoute(desk, 'Alice'), restoreRequest), 'session-stopped');
      expectProblem(await desk.caller.get(`${sessionRoute(desk)}/Organization/OneDrives`), 'session-stopped');
      expect(actionRequests(control)).toEqual([]);
    });

    it.each([[{ stop: true }], [{ stop: null, explore: null }], [{}]])('is not stopped by %j', async (body) => {
      expectProblem(await alice.caller.post(`${sessionRoute(alice)}/Action`, body), 'validation-failed');
      expect(requests(control)).toEqual([]);
    });

    it("is not stopped by somebody else, nor under a running operation's feet", async () => {
      expectProblem(await bob.caller.post(`${sessionRoute(alice)}/Action`, { stop: null }), 'not-found');

      const hold = control.holdActions();
      const restore = alice.caller.post(actionRoute(alice, 'Alice'), restoreRequest);
      await hold.reached;
      expectProblem(await alice.caller.post(`${sessionRoute(alice)}/Action`, { stop: null }), 'operation-conflict');
      hold.release();
      expect(await restore).toMatchObject({ status: 200, body: wholeStatistics });
    });
  });

  describe('OneDrives', () => {
    const listOf = (desk: Desk, query = '') => desk.caller.get(`${sessionRoute(desk)}/Organization/OneDrives${query}`);
    const idsOf = ({ body }: Answer) => body.results.map(({ id }: { id: string }) => id);

    it('come as a page, for a person with the own one only', async () => {
      const { status, body } = await listOf(alice);
      expect(status).toBe(200);
      const self = { href: `${publicUrl}${sessionRoute(alice)}/Organization/OneDrives?limit=30&offset=0` };
      expect(body).toEqual({
        offset: 0,
        limit: 30,
        _links: { first: self, self },
        results: [
          {
            id: alice.oneDrives.Alice,
            name: 'Alice',
            url: 'https://contoso-my.sharepoint.com/personal/alice_contoso_onmicrosoft_com',
            _links: { self: { href: `${publicUrl}${oneDriveRoute(alice, 'Alice')}` } },
          },
        ],
      });
    });

    it('page by limit and offset in any case', async () => {
      const all = idsOf(await listOf(oscar));
      expect(all.length).toBeGreaterThan(4);
      const page = await listOf(oscar, '?LIMIT=2&Offset=1');
      expect(page).toMatchObject({ status: 200, body: { offset: 1, limit: 2 } });
      expect(idsOf(page)).toEqual(all.slice(1, 3));
      const at = (offset: number) => ({
        href: `${publicUrl}${sessionRoute(oscar)}/Organization/OneDrives?limit=2&offset=${offset}`,
      });
      expect(page.body._links).toEqual({ first: at(0), prev: at(0), self: at(1), next: at(3) });
      expect(idsOf(await listOf(oscar, `?offset=${all.length}`))).toEqual([]);
      expect(idsOf(await listOf(alice, '?offset=1'))).toEqual([]);
    });

    it.each([
      ['limit=0', 'limit'],
      ['limit=1001', 'limit'],
      ['Limit=ten', 'limit'],
      ['offset=-1', 'offset'],
      ['cursor=x', 'cursor'],
    ])('do not page by %s', async (query, field) => {
      const answer = await listOf(alice, `?${query}`);
      expectProblem(answer, 'validation-failed');
      expect(answer.body.errors.map((error: { field: string }) => error.field)).toEqual([field]);
      expect(requests(control)).toEqual([]);
    });

    it('are read one by one, not those of others', async () => {
      const { body: page } = await listOf(alice);
      expect(await alice.caller.get(oneDriveRoute(alice, 'Alice'))).toMatchObject({
        status: 200,
        body: page.results[0],
      });
      const ofBob = `${sessionRoute(alice)}/Organization/OneDrives/${bob.oneDrives.Bob ?? ''}`;
      expectProblem(await alice.caller.get(ofBob), 'not-found');
      expectProblem(await bob.caller.get(oneDriveRoute(alice, 'Alice')), 'not-found');
    });
  });

  describe('an action', () => {
    it('answers with the counts and the issues of upstream, for it did not all go well', async () => {
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 2 } });
      const { status, headers, body } = await alice.caller.post(actionRoute(alice, 'Alice'), restoreRequest);

      expect(status).toBe(200);
      const issue = (path: string) => ({
        path,
        title: path.split('/').at(-1),
        warnings: [],
        error: 'Access to the item was denied.',
      });
      expect(body).toEqual({
        ...wholeStatistics,
        restoredItemsCount: 3,
        failedItemsCount: 2,
        restoreIssues: [issue('Budget 2026.csv'), issue('Documents/Plan.md')],
      });
      const { body: operation } = await alice.caller.get(new URL(headers.get('operation-location') ?? '').pathname);
      expect(operation).toMatchObject({ state: 'partially-succeeded', outcome: { restored: 3, failed: 2 } });
    });

    it('answers with the counts where nothing had changed, or everything failed', async () => {
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', nothingRestored: true } });
      expect(await alice.caller.post(actionRoute(alice, 'Alice'), restoreRequest)).toMatchObject({
        status: 200,
        body: { ...wholeStatistics, restoredItemsCount: 0, skippedItemsByNoChangesCount: 5 },
      });
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 5 } });
      expect(await alice.caller.post(actionRoute(alice, 'Alice'), restoreRequest)).toMatchObject({
        status: 200,
        body: { totalItemsCount: 5, restoredItemsCount: 0, failedItemsCount: 5 },
      });
    });

    it('answers nothing where upstream gave nothing', async () => {
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', emptyBody: true } });
      const { status, headers, body } = await alice.caller.post(actionRoute(alice, 'Alice'), restoreRequest);
      expect({ status, body: body as unknown, length: headers.get('content-length') }).toEqual({
        status: 200,
        body: '',
        length: '0',
      });
      expect(headers.has('content-type')).toBe(false);
      const { body: operation } = await alice.caller.get(new URL(headers.get('operation-location') ?? '').pathname);
      expect(operation.state).toBe('succeeded');
      expect(operation).not.toHaveProperty('outcome');
    });

    it('is a problem where upstream refused it', async () => {
      control.addFault({
        match: { action: 'restore' },
        fault: { kind: 'answer', status: 500, body: { message: 'Failed to find users for tenant account' } },
      });
      const answer = await alice.caller.post(actionRoute(alice, 'Alice'), restoreRequest);
      expect(answer.status).toBe(502);
      expect(JSON.stringify(answer.body)).not.toContain('tenant account');
      expect(answer.headers.get('operation-location')).toMatch(`${publicUrl}/api/v1/operations/`);
    });

    it('takes booleans as strings, in any case', async () => {
      const copyTo = {
        oneDrive: { id: oscar.oneDrives.Bob },
        changedItems: 'true',
        deletedItems: 'False',
        restorePermissions: 'TRUE',
      };
      const answer = await oscar.caller.post(actionRoute(oscar, 'Alice'), { copyTo });
      expect(answer).toMatchObject({ status: 200, body: wholeStatistics });
      expect(actionRequests(control).map(({ body }) => body)).toEqual([
        {
          copyTo: expect.objectContaining({
            changedItems: true,
            deletedItems: false,
            restorePermissions: true,
            sendSharedLinksNotification: false,
          }) as object,
        },
      ]);
      expect(await producedFor('bob')).toEqual(await filesOf('alice'));
    });

    it.each([[{ save: { asZip: 'true' } }], [{ save: { asZip: false } }], [{ SAVE: {} }]])(
      'downloads a ZIP for %j',
      async (body) => {
        const response = await alice.caller.fetch('POST', actionRoute(alice, 'Alice'), JSON.stringify(body));
        expect(response.status).toBe(200);
        expect(response.headers.get('operation-location')).toMatch(`${publicUrl}/api/v1/operations/`);
        expect(response.headers.get('content-disposition')).toContain(`onedrive-Alice-${alice.backupDay}.zip`);
        expect(await digestsInZip(Buffer.from(await response.arrayBuffer()))).toEqual(await filesOf('alice'));
        expect(actionRequests(control).map((request) => request.body)).toEqual([{ save: null }]);
      },
    );

    it('is for the own OneDrive in the own session only', async () => {
      expectProblem(await bob.caller.post(actionRoute(alice, 'Alice'), restoreRequest), 'not-found');
      const ofBob = `${sessionRoute(alice)}/Organization/OneDrives/${bob.oneDrives.Bob ?? ''}/Action`;
      expectProblem(await alice.caller.post(ofBob, { save: null }), 'not-found');
      const copyTo = { oneDrive: { id: alice.oneDrives.Alice } };
      expectProblem(await alice.caller.post(actionRoute(alice, 'Alice'), { copyTo }), 'forbidden');
      const sendTo = { to: `bob@${contoso}`, subject: 's', text: 't' };
      expectProblem(await alice.caller.post(actionRoute(alice, 'Alice'), { sendTo }), 'forbidden');
      expect(changes(control)).toEqual([]);
    });

    it('goes on when its caller leaves', async () => {
      const hold = control.holdActions();
      const start = world.gateway.log().length;
      const leaving = new AbortController();
      const route = actionRoute(alice, 'Alice');
      const left = alice.caller.fetch('POST', route, JSON.stringify(restoreRequest), {}, leaving.signal);
      await hold.reached;
      leaving.abort();
      await expect(left).rejects.toThrow();
      // The line of the request says when the gateway has seen it.
      await until(() =>
        world.gateway
          .log()
          .slice(start)
          .some((line) => line.includes('"aborted":true')),
      );
      hold.release();

      const { body: page } = await alice.caller.get('/api/v1/operations?limit=1');
      const operation = await alice.caller.endOf(page.items[0].id as string);
      expect(operation).toMatchObject({ action: 'restore', state: 'succeeded', outcome: { restored: 5 } });
      expect(await producedFor('alice')).toEqual(await filesOf('alice'));
      expect(control.actions()).toHaveLength(1);
    });
  });

  it('never show the ids and addresses of upstream', async () => {
    const answers: string[] = [];
    class Recorded extends Caller {
      override async call(...request: Parameters<Caller['call']>): Promise<Answer> {
        const answer = await super.call(...request);
        answers.push(JSON.stringify([...answer.headers]), JSON.stringify(answer.body));
        return answer;
      }
    }
    const caller = new Recorded(world.gateway.url, oscar.caller.token);

    const { body: organizations } = await caller.get('/v5/Organizations');
    const opened = await caller.post(`/v5/Organizations/${organizations[0].id}/Action`, { explore: null });
    const upstreamSid = control.sessions()[0]?.id ?? '';
    const route = `/v5/RestoreSessions/${opened.body.id}`;
    await caller.get(route);
    const { body: page } = await caller.get(`${route}/Organization/OneDrives?limit=2`);
    const [{ id: ofAlice }, { id: ofBob }] = page.results;
    await caller.get(`${route}/Organization/OneDrives/${ofAlice}`);
    await caller.get(`${route}/Organization/OneDrives/none`);
    await caller.post(`${route}/organization/restoreDeviceCode`);
    const act = `${route}/Organization/OneDrives/${ofAlice}/Action`;
    await caller.post(act, restoreRequest);
    await caller.post(act, { copyTo: { oneDrive: { id: ofBob } } });
    await caller.post(act, { sendTo: { to: `bob@${contoso}`, subject: 's', text: 't' } });
    await caller.post(act, { save: null });
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 5 } });
    await caller.post(act, restoreRequest);
    const message = `Restore session '${upstreamSid}' failed at ${world.veeam.url}/v5`;
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', status: 400, body: { message } } });
    await caller.post(act, restoreRequest);
    control.addFault({ match: { action: 'save' }, fault: { kind: 'answer', status: 500, body: { message } } });
    await caller.post(act, { save: null });
    await caller.get('/api/v1/operations');
    await caller.get('/api/v1/restore-sessions');
    await caller.post(`${route}/Action`, { stop: null });
    await caller.get(route);
    await caller.post(act, restoreRequest);

    const shown = answers.join('\n').toLowerCase();
    expect(shown).toContain(String(opened.body.id));
    const upstreamIds = control.sessions().map(({ id }) => id);
    expect(upstreamIds).toContain(upstreamSid);
    for (const id of upstreamIds) expect(shown).not.toContain(id);
    expect(shown).not.toContain(new URL(world.veeam.url).host);
    expect(shown).not.toContain(world.veeam.restoreUserName);
  });

  it('answer 409 when what they wait for is canceled', async () => {
    const desk = await openDesk('alice', world);
    const hold = control.holdActions();
    const first = desk.caller.post(
      `/api/v1/restore-sessions/${desk.sid}/onedrives/${desk.oneDrives.Alice}/restore`,
      {},
    );
    await hold.reached;
    const waiting = desk.caller.post(actionRoute(desk, 'Alice'), restoreRequest);
    const queued = await until(async () => {
      const { body } = await desk.caller.get('/api/v1/operations');
      return body.items.find(
        ({ restoreSessionId, state }: Record<string, string>) => restoreSessionId === desk.sid && state === 'accepted',
      );
    });
    expect((await desk.caller.delete(`/api/v1/operations/${queued.id}`)).status).toBe(204);
    const answer = await waiting;
    expectProblem(answer, 'operation-conflict');
    expect(answer.body.detail).toBe('The operation was canceled.');
    hold.release();
    await desk.caller.endOf((await first).body.id as string);
  });

  describe('with little patience', () => {
    const maxWaitMs = 90_000;
    const clock = new ManualClock(Date.now());
    let impatient: Gateway;
    let desk: Desk;

    beforeAll(async () => {
      const environment = { PUBLIC_URL: publicUrl, V5_MAX_WAIT: '90s' };
      impatient = await startGateway(world, { clock, environment });
      desk = await openDesk('alice', { ...world, gateway: impatient });
    });
    afterAll(() => impatient.close());

    it('answer 504 and tell where to follow what goes on', async () => {
      const startedAt = clock.now();
      const hold = control.holdActions();
      const waiting = desk.caller.post(actionRoute(desk, 'Alice'), restoreRequest);
      await hold.reached;
      const answer = await whileAdvancing({ clock, by: 5_000 }, waiting);

      expectProblem(answer, 'still-running');
      expect(clock.now() - startedAt).toBeGreaterThanOrEqual(maxWaitMs);
      const location = answer.headers.get('operation-location') ?? '';
      expect(location).toMatch(new RegExp(`^${publicUrl}/api/v1/operations/[0-9a-f-]{36}$`));
      const { body: running } = await desk.caller.get(new URL(location).pathname);
      expect(running).toMatchObject({ action: 'restore', state: 'submitting' });

      hold.release();
      const operation = await desk.caller.endOf(running.id as string);
      expect(operation).toMatchObject({ state: 'succeeded', outcome: { total: 5, restored: 5 } });
      expect(await producedFor('alice')).toEqual(await filesOf('alice'));
      expect(control.actions()).toHaveLength(1);
    });
  });
});
