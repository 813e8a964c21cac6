import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { backedUp, claimsOf } from './support/backed-up.js';
import { type Answer, Caller, expectProblem, operationIdOf } from './support/caller.js';
import { dialects } from './support/dialects.js';
import { digestsBelow, digestsInZip, emptyFolder, sha256 } from './support/files.js';
import { readMails } from './support/mailbox.js';
import { PolicyFolder } from './support/policies.js';
import { recordsOf } from './support/trail.js';
import { until } from './support/until.js';
import { changes, requests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const organization = 'contoso.onmicrosoft.com';
const alice = `alice@${organization}`;
const laura = `laura.leaver@${organization}`;
const hanna = `hanna.hybrid@${organization}`;
const wait = { prefer: 'wait=30' };
const minute = 60_000;
const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const anId = expect.any(String) as string;

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];

beforeAll(async () => {
  neighbours = await startNeighbours();
  control = neighbours.veeam.control;
});
afterAll(() => neighbours.close());

describe.each(dialects)('one call on $version', ({ version }) => {
  let gateway: Gateway;
  let callers: Record<'alice' | 'bob' | 'oscar' | 'mallory' | 'helpdesk-app', Caller>;

  beforeAll(async () => {
    gateway = await startGateway(neighbours, { environment: { VEEAM_API_VERSION: version } });
    const named = async (name: string) => Caller.named(name, { ...neighbours, gateway });
    callers = {
      alice: await named('alice'),
      bob: await named('bob'),
      oscar: await named('oscar'),
      mallory: await named('mallory'),
      'helpdesk-app': await named('helpdesk-app'),
    };
  });
  afterAll(() => gateway.close());

  beforeEach(async () => {
    control.clearFaults();
    control.clearReceived();
    await emptyFolder(neighbours.veeam.productionDir);
    await emptyFolder(neighbours.smtp.mailDir);
  });

  const produced = (login = alice) => digestsBelow(join(neighbours.veeam.productionDir, login));
  const original = async (path: string) => sha256(await readFile(join(neighbours.veeam.filesDir, alice, path)));
  const openUpstream = () => control.sessions().filter(({ state }) => state !== 'Stopped');

  async function download(caller: Caller, body: object) {
    const response = await caller.fetch('POST', '/api/v1/downloads', JSON.stringify({ organization, ...body }));
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, bytes };
  }

  describe('a download', () => {
    it('gives a person the bytes of a file, from nothing', async () => {
      const { status, headers, bytes } = await download(callers.alice, { user: alice, path: 'Documents/Plan.md' });
      expect(status).toBe(200);
      expect(headers.get('content-disposition')).toContain('filename="Plan.md"');
      expect(sha256(bytes)).toBe(await original('Documents/Plan.md'));
      expect(await callers.alice.operation(operationIdOf(headers))).toMatchObject({
        action: 'save',
        state: 'succeeded',
        item: { kind: 'document' },
        sha256: sha256(bytes),
      });
    });

    it('stops the session that it opened', async () => {
      const { headers } = await download(callers.alice, { user: alice, path: 'Welcome.txt' });
      const { restoreSessionId } = await callers.alice.operation(operationIdOf(headers));
      await until(async () => {
        const { body } = await callers.alice.get(`/api/v1/restore-sessions/${restoreSessionId}`);
        return body.state === 'stopped' && openUpstream().length === 0;
      });
    });

    it('gives what there was at a time', async () => {
      const before = new Date(Date.now() - 20 * 24 * 60 * minute).toISOString();
      const { bytes } = await download(callers.alice, { user: alice, path: 'Documents/Plan.md', pointInTime: before });
      expect(bytes.toString()).toBe('# Plan\n\n1. Hope\n');
    });

    it('gives a folder, and a OneDrive as a whole, as a ZIP', async () => {
      const folder = await download(callers.alice, { user: alice, path: '/documents/' });
      expect(Object.keys(await digestsInZip(folder.bytes))).toHaveLength(2);
      const whole = await download(callers.alice, { user: alice });
      expect(whole.headers.get('content-disposition')).toContain('onedrive-Alice-');
      expect(Object.keys(await digestsInZip(whole.bytes))).toHaveLength(5);
    });

    it('takes names as OneDrive does: whatever their case or how they are composed', async () => {
      const path = 'documents/REPORTS/überblick – 概要.TXT'.normalize('NFD');
      const { status, bytes } = await download(callers.alice, { user: alice.toUpperCase(), path });
      expect(status).toBe(200);
      expect(bytes.toString()).toBe('Names are UTF-8.\n');
    });

    it('of an operator finds the OneDrive of somebody who has left', async () => {
      const { status, headers } = await download(callers.oscar, { user: laura });
      expect({ status, disposition: headers.get('content-disposition') }).toMatchObject({
        status: 200,
        disposition: expect.stringContaining('Laura Leaver') as string,
      });
    });

    it.each([
      ['at the root', 'Nothing.txt', "There is no 'Nothing.txt' at the root of the OneDrive."],
      ['in a folder', 'Documents/Nothing.txt', "There is no 'Nothing.txt' in 'Documents'."],
      ['on the way', 'Documents/Nothing/Plan.md', "There is no 'Nothing' in 'Documents'."],
      ['below a document', 'Welcome.txt/Plan.md', "There is no 'Welcome.txt' at the root of the OneDrive."],
    ])('of what is not there names the last folder that is: %s', async (_, path, detail) => {
      const answer = await callers.alice.post('/api/v1/downloads', { organization, user: alice, path });
      expectProblem(answer, 'not-found');
      expect(answer.body.detail).toBe(detail);
      expect(openUpstream()).toEqual([]);
    });

    it('from before the first backup is refused', async () => {
      const answer = await callers.alice.post('/api/v1/downloads', {
        organization,
        user: alice,
        pointInTime: '2001-01-01T00:00:00Z',
      });
      expectProblem(answer, 'before-first-backup');
    });

    it('whose caller leaves leaves no session open', async () => {
      const hold = control.holdActions('running');
      const leaving = new AbortController();
      const answer = callers.alice
        .fetch('POST', '/api/v1/downloads', JSON.stringify({ organization, user: alice }), {}, leaving.signal)
        .catch(() => undefined);
      await hold.reachedBy(1);
      leaving.abort();
      await answer;
      hold.release();
      await until(() => Promise.resolve(openUpstream().length === 0));
    });
  });

  describe('a restore', () => {
    it('restores a file as it was, and waits for its end', async () => {
      const body = { organization, user: alice, path: 'Documents/Plan.md', action: 'restore', reason: 'Ticket 4711' };
      const { status, body: operation } = await callers.oscar.post('/api/v1/restores', body, wait);
      expect({ status, operation }).toMatchObject({
        status: 200,
        operation: { action: 'restore', state: 'succeeded', item: { kind: 'document' }, reason: 'Ticket 4711' },
      });
      expect(await produced()).toEqual({ 'Documents/Plan.md': await original('Documents/Plan.md') });
    });

    it('answers at once without a wait, and stops its session once it is over', async () => {
      const hold = control.holdActions('running');
      const body = { organization, user: alice, path: 'Pictures', action: 'restore' };
      const { status, headers, body: operation } = await callers.alice.post('/api/v1/restores', body);
      expect(status).toBe(202);
      expect(operationIdOf(headers)).toBe(operation.id);
      await hold.reachedBy(1);
      hold.release();
      await callers.alice.endOf(operation.id as string);
      await until(async () => {
        const { body: session } = await callers.alice.get(`/api/v1/restore-sessions/${operation.restoreSessionId}`);
        return session.state === 'stopped' && openUpstream().length === 0;
      });
    });

    it("copies a leaver's folder to the manager", async () => {
      const body = {
        organization,
        user: laura,
        action: 'copy',
        target: { user: `bob@${organization}` },
        folder: 'from Laura',
      };
      const { body: operation } = await callers.oscar.post('/api/v1/restores', body, wait);
      expect(operation).toMatchObject({ action: 'copy', state: 'succeeded' });
      expect(Object.keys(await produced(`bob@${organization}`))[0]).toMatch(/^from Laura\//);
    });

    it('mails a file', async () => {
      const mail = { to: alice, subject: 'Your file', text: 'Here it is.' };
      const body = { organization, user: alice, path: 'Welcome.txt', action: 'send', ...mail };
      expect((await callers.oscar.post('/api/v1/restores', body, wait)).body.state).toBe('succeeded');
      const [sent] = await readMails(neighbours.smtp.mailDir);
      expect(sent?.subject).toBe('Your file');
    });

    it('opens one session, however many come at once with one key', async () => {
      control.clearReceived();
      const headers = { 'idempotency-key': `at-once-${version}`, ...wait };
      const answers = await Promise.all(
        Array.from({ length: 30 }, () =>
          callers.alice.post('/api/v1/restores', { organization, user: alice, action: 'restore' }, headers),
        ),
      );
      expect(new Set(answers.map(({ body }) => body.id as string)).size).toBe(1);
      expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
      expect(control.received().filter(({ action }) => action === 'explore')).toHaveLength(1);
      expect(control.actions().filter(({ action }) => action === 'restore')).toHaveLength(1);
    });

    it('is done once, however often it comes with one key', async () => {
      const headers = { 'idempotency-key': `one-call-${version}`, ...wait };
      const body = { organization, user: alice, path: 'Welcome.txt', action: 'restore' };
      const answers = await Promise.all([1, 2, 3].map(() => callers.alice.post('/api/v1/restores', body, headers)));
      expect(new Set(answers.map(({ body: { id } }) => id as string)).size).toBe(1);
      const later = await callers.alice.post('/api/v1/restores', body, headers);
      expect(later.body.id).toBe(answers[0]?.body.id);
      expect(control.actions().filter(({ action }) => action === 'restore')).toHaveLength(1);
      const other = await callers.alice.post('/api/v1/restores', { ...body, path: 'Pictures' }, headers);
      expectProblem(other, 'idempotency-key-reused');
      // Nothing is decided on what such a request would have found.
      const copy = { ...body, action: 'copy', target: { user: `bob@${organization}` } };
      expectProblem(await callers.alice.post('/api/v1/restores', copy, headers), 'idempotency-key-reused');
      await until(() => Promise.resolve(openUpstream().length === 0));
    });

    it('is on record as every other, with the opening and the stop of its session', async () => {
      const body = { organization, user: alice, path: 'Welcome.txt', action: 'restore' };
      const { headers } = await callers.alice.post('/api/v1/restores', body, wait);
      const records = await recordsOf(neighbours, headers.get('x-request-id') ?? '');
      expect(records.map(({ action }) => action)).toEqual(
        expect.arrayContaining(['openRestoreSession', 'restore-session.opened', 'restore', 'operation.ended']),
      );
    });
  });

  describe('a preview', () => {
    const preview = (caller: Caller, body: object) =>
      caller.post('/api/v1/restores', { organization, dryRun: true, action: 'restore', ...body });

    it('tells what it would be, and does nothing', async () => {
      const { status, body } = await preview(callers.alice, { user: alice });
      expect({ status, body }).toEqual({
        status: 200,
        body: {
          organizationId: anId,
          pointInTime: aTime,
          oneDrive: { id: anId, name: 'Alice' },
          item: { kind: 'onedrive', oneDriveId: body.oneDrive.id },
          folders: 3,
          documents: 5,
          bytes: expect.any(Number) as number,
          isComplete: true,
          credentialProfile: 'contoso',
          decision: 'allow',
          policies: ['people-act-on-own-onedrive'],
        },
      });
      expect(body.bytes).toBeGreaterThan(300_000);
      expect(control.actions()).toEqual([]);
      expect(await produced()).toEqual({});
      expect(openUpstream()).toEqual([]);
    });

    it('names the document that was found', async () => {
      const { body } = await preview(callers.alice, { user: alice, path: 'documents/plan.md' });
      expect(body).toMatchObject({ name: 'Plan.md', item: { kind: 'document' }, folders: 0, documents: 1 });
    });

    it('says no where the policy would', async () => {
      const target = { user: `bob@${organization}` };
      const { body } = await preview(callers.oscar, { user: alice, action: 'copy', target });
      expect(body.decision).toBe('allow');
      // A person copies nothing, but may look at what it would be.
      const { status, body: hers } = await preview(callers.alice, { user: alice, action: 'copy', target });
      expect([status, hers.decision, hers.policies]).toEqual([200, 'deny', ['default-deny']]);
    });
  });

  describe('nobody', () => {
    it.each([
      ['restores', { action: 'restore' }],
      ['restores', { action: 'restore', dryRun: true }],
      ['downloads', {}],
    ])("gets at somebody else's by /%s %j", async (route, members) => {
      const of = (user: string) => callers.bob.post(`/api/v1/${route}`, { organization, user, ...members });
      const asked: string[][] = [];
      const answers: Answer[] = [];
      for (const user of [alice, `nobody@${organization}`, laura, `oscar@${organization}`]) {
        control.clearReceived();
        answers.push(await of(user));
        asked.push(requests(control));
        expect(changes(control)).toEqual([]);
      }
      // Whether there is such a person does not show, nor by what upstream is asked.
      expect(asked[0]?.length).toBeGreaterThan(0);
      expect(asked.slice(1)).toEqual([asked[0], asked[0], asked[0]]);
      for (const { headers } of answers) {
        const records = await recordsOf(neighbours, headers.get('x-request-id') ?? '');
        expect(records.filter(({ decision }) => decision === 'deny')).toMatchObject([{ policies: ['default-deny'] }]);
      }
      for (const answer of answers) expectProblem(answer, 'not-found');
      expect(new Set(answers.map(({ body }) => body.detail as string)).size).toBe(1);
      expect(changes(control)).toEqual([]);
    });

    it('without a role opens anything', async () => {
      expectProblem(await callers.mallory.post('/api/v1/downloads', { organization, user: alice }), 'forbidden');
      expect(changes(control)).toEqual([]);
    });

    it('is told of organizations that are not theirs', async () => {
      const body = { organization: 'fabrikam.onmicrosoft.com', user: alice };
      expectProblem(await callers.alice.post('/api/v1/downloads', body), 'not-found');
      expect(changes(control)).toEqual([]);
    });
  });

  describe('somebody who may browse every OneDrive', () => {
    const of = (user: string) => callers.oscar.post('/api/v1/downloads', { organization, user });

    it('gets nothing by a login whose OneDrive would have the same address as that of somebody who is there', async () => {
      expectProblem(await of(`vera-vast@${organization}`), 'not-found');
      expect(control.actions()).toEqual([]);
      await until(() => Promise.resolve(openUpstream().length === 0));
    });

    it('opens no session to look for the OneDrive of somebody who is there and has none', async () => {
      expectProblem(await of(`oscar@${organization}`), 'not-found');
      expect(changes(control)).toEqual([]);
    });
  });

  describe('a person with two OneDrives', () => {
    it('may ask for their own, and is asked which is meant', async () => {
      const token = await neighbours.sso.token('mallory', claimsOf(backedUp(hanna)));
      const caller = new Caller(gateway.url, token);
      const answer = await caller.post('/api/v1/downloads', { organization, user: hanna.toUpperCase() });
      expectProblem(answer, 'validation-failed');
    });

    it('is asked which is meant, and may name it', async () => {
      const answer = await callers.oscar.post('/api/v1/downloads', { organization, user: hanna });
      expectProblem(answer, 'validation-failed');
      const [, first = ''] = /: ([^,]+), /.exec(answer.body.errors[0].message as string) ?? [];
      const { status } = await download(callers.oscar, { oneDriveId: first });
      expect(status).toBe(200);
    });
  });

  describe('a body', () => {
    it.each([
      ['without a person', { user: undefined }, 'user'],
      ['with a person and a OneDrive', { oneDriveId: '1' }, 'user'],
      ['with a path that climbs', { path: 'Documents/../../bob' }, 'path'],
      ['with an empty name', { path: 'Documents//Plan.md' }, 'path'],
      ['with a control character', { path: 'Plan\n.md' }, 'path'],
      ['with a device code', { userCode: 'C6A9DB737' }, 'userCode'],
      ['with an action of its own', { action: 'save' }, 'action'],
      ['with a member of another action', { subject: 'x' }, 'subject'],
      ['with a time without a zone', { pointInTime: '2026-01-01T00:00:00' }, 'pointInTime'],
    ])('%s is refused', async (_, members, field) => {
      const body = { organization, user: alice, action: 'restore', ...members };
      const answer = await callers.alice.post('/api/v1/restores', body);
      expectProblem(answer, 'validation-failed');
      expect(answer.body.errors).toMatchObject([{ field }]);
      expect(requests(control).filter((sent) => sent.includes('Organizations'))).toEqual([]);
    });
  });
});

describe('one call, where a policy keeps some OneDrives from operators', () => {
  let folder: PolicyFolder;
  let gateway: Gateway;
  let oscar: Caller;
  const [alices = '', lauras = ''] = [alice, laura].flatMap((login) => backedUp(login).oneDriveIds);

  beforeAll(async () => {
    folder = new PolicyFolder();
    folder.write(
      'board',
      `@id("board") forbid (principal, action in [Action::"browse", Action::"act"], resource is OneDrive)
       when { [OneDrive::"${alices}", OneDrive::"${lauras}"].contains(resource) };`,
    );
    gateway = await startGateway(neighbours, { environment: { POLICY_DIR: folder.path } });
    oscar = await Caller.named('oscar', { ...neighbours, gateway });
  });
  afterAll(async () => {
    await gateway.close();
    folder.remove();
  });
  beforeEach(() => {
    control.clearReceived();
  });

  const listings = () => requests(control).filter((request) => /\/(folders|documents|items)\b/i.test(request));

  it.each([
    ['of somebody who has left', { user: laura }, lauras],
    ['named in another case', { oneDriveId: alices.toUpperCase() }, alices.toUpperCase()],
    ['of somebody', { user: alice }, alices],
    ['named by its id', { oneDriveId: alices }, alices],
  ])('nothing of one is listed, whatever the path: %s', async (_, whose, oneDriveId) => {
    const details = new Set<string>();
    for (const path of ['Welcome.txt', 'Documents/Plan.md', 'Nothing.txt']) {
      for (const [route, members] of [
        ['downloads', {}],
        ['restores', { action: 'restore' }],
        ['restores', { action: 'restore', dryRun: true }],
      ] as const) {
        const answer = await oscar.post(`/api/v1/${route}`, { organization, path, ...whose, ...members });
        expectProblem(answer, 'not-found');
        details.add(answer.body.detail as string);
        const records = await recordsOf(neighbours, answer.headers.get('x-request-id') ?? '');
        expect(records.filter(({ decision }) => decision === 'deny')).toMatchObject([
          { organization, item: { kind: 'onedrive', oneDriveId } },
        ]);
      }
    }
    expect([...details]).toEqual(['There is no such OneDrive.']);
    expect(listings()).toEqual([]);
    await until(() => Promise.resolve(control.sessions().every(({ state }) => state === 'Stopped')));
  });

  it('what is not there is refused alike, and on record', async () => {
    const nobody = { user: `nobody@${organization}` };
    const missing = { user: `bob@${organization}`, path: 'Nothing.txt' };
    for (const [members, item] of [
      [nobody, undefined],
      [missing, { kind: 'onedrive', oneDriveId: backedUp(missing.user).oneDriveIds[0] }],
    ] as const) {
      const answer = await oscar.post('/api/v1/downloads', { organization, ...members });
      expectProblem(answer, 'not-found');
      if (item === undefined) expect(answer.body.detail).toBe('There is no such OneDrive.');
      const records = await recordsOf(neighbours, answer.headers.get('x-request-id') ?? '');
      const [denial, ...others] = records.filter(({ decision }) => decision === 'deny');
      expect(others).toEqual([]);
      expect(denial).toMatchObject({ action: 'save', organization, policies: ['default-deny'] });
      expect(denial?.item).toEqual(item);
    }
  });
});
