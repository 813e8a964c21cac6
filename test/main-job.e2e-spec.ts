import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stackTraceMarker } from '../apps/veeam-sandbox/src/index.js';
import { operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { digestsBelow, digestsInZip, emptyFolder, sha256 } from './support/files.js';
import { readMails } from './support/mailbox.js';
import { until } from './support/until.js';
import { actionRequests, arrivals, requests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(30_000);

const publicUrl = 'https://restore.example.com';
const contoso = 'contoso.onmicrosoft.com';
const fabrikam = 'fabrikam.onmicrosoft.com';

const aTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const aUuid = expect.stringMatching(/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/) as string;

const who = ['alice', 'bob', 'fred', 'oscar', 'helpdesk-app'] as const;
type Who = (typeof who)[number];

/** Whose OneDrives there are, by their display name. */
const logins = { Alice: `alice@${contoso}`, Bob: `bob@${contoso}`, Fred: `fred@${fabrikam}` };
type Owner = keyof typeof logins;

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];

beforeAll(async () => {
  neighbours = await startNeighbours();
  control = neighbours.veeam.control;
});
afterAll(() => neighbours.close());

describe.each(dialects)('the main job on $version', (dialect) => {
  let gateway: Gateway;
  let desks: Record<Who, Desk>;
  let oneDrives: Record<Owner, string>;

  beforeAll(async () => {
    const environment = { PUBLIC_URL: publicUrl, VEEAM_API_VERSION: dialect.version };
    gateway = await startGateway(neighbours, { environment });
    const world = { ...neighbours, gateway };
    const opened: Partial<Record<Who, Desk>> = {};
    for (const name of who) opened[name] = await openDesk(name, world, name === 'fred' ? fabrikam : contoso);
    desks = opened as Record<Who, Desk>;
    const { Alice, Bob } = desks.oscar.oneDrives;
    oneDrives = { Alice, Bob, Fred: desks.fred.oneDrives.Fred } as Record<Owner, string>;
  });
  afterAll(() => gateway.close());

  beforeEach(async () => {
    control.clearFaults();
    control.clearReceived();
    await emptyFolder(neighbours.veeam.productionDir);
    await emptyFolder(neighbours.smtp.mailDir);
  });

  const path = (name: Who, owner: Owner, action: string) =>
    `/api/v1/restore-sessions/${desks[name].sid}/onedrives/${oneDrives[owner]}/${action}`;

  const filesOf = (owner: Owner) => digestsBelow(join(neighbours.veeam.filesDir, logins[owner]));
  const producedFor = (owner: Owner, folder = '') =>
    digestsBelow(join(neighbours.veeam.productionDir, logins[owner], folder).replace(/\/$/, ''));

  /** The members every operation on a OneDrive has at its end. */
  const ended = (name: Who, owner: Owner, action: string) => ({
    id: aUuid,
    action,
    state: 'succeeded',
    organizationId: desks[name].organizationId,
    restoreSessionId: desks[name].sid,
    item: { kind: 'onedrive', oneDriveId: oneDrives[owner] },
    requestedAt: aTime,
    startedAt: aTime,
    endedAt: aTime,
  });
  const wholeOutcome = { total: 5, restored: 5, failed: 0, skipped: 0, issues: [] };

  const accepted = (name: Who, owner: Owner, action: string) => ({
    requestId: expect.any(Number) as number,
    time: aTime,
    version: dialect.version,
    action,
    organizationId: desks[name].organizationId,
    sessionId: desks[name].upstreamSid,
    oneDriveId: oneDrives[owner],
    owner: logins[owner],
    items: [],
    state: 'finished',
  });

  const contosoAccount = () => ({
    userName: neighbours.veeam.restoreUserName,
    userPassword: neighbours.veeam.restorePassword,
  });
  const fabrikamCertificate = async () => ({
    applicationId: neighbours.veeam.applicationId,
    applicationCertificate: (await readFile(neighbours.veeam.certificateFile)).toString('base64'),
    applicationCertificatePassword: neighbours.veeam.certificatePassword,
  });

  const upstreamPlace = (name: Who, owner: Owner) => ({
    upstreamSid: desks[name].upstreamSid,
    oneDriveId: oneDrives[owner],
  });

  /** It is to be read where the answer said, and in the list of the caller, and by nobody else. */
  async function expectReadable(name: Who, location: string | null, operation: unknown): Promise<void> {
    const { caller } = desks[name];
    const { pathname } = new URL(location ?? '');
    expect(await caller.get(pathname)).toMatchObject({ status: 200, body: operation });
    const { body: page } = await caller.get('/api/v1/operations');
    expect(page.items[0]).toEqual(operation);
    const somebodyElse = desks[name === 'bob' ? 'alice' : 'bob'].caller;
    expect(await somebodyElse.get(pathname)).toMatchObject({ status: 404, body: { code: 'not-found' } });
  }

  describe('restore', () => {
    const lastAndKeep = { documentVersion: 'last', documentAction: 'keep' } as const;

    it.each<[Who, Owner]>([
      ['alice', 'Alice'],
      ['bob', 'Bob'],
      ['oscar', 'Alice'],
      ['helpdesk-app', 'Bob'],
    ])('%s brings back the OneDrive of %s with the account of contoso', async (name, owner) => {
      const answer = await desks[name].caller.post(path(name, owner, 'restore'), {}, { prefer: 'wait=10' });

      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ ...ended(name, owner, 'restore'), outcome: wholeOutcome });
      expect(answer.headers.get('operation-location')).toBe(`${publicUrl}/api/v1/operations/${answer.body.id}`);
      expect(answer.headers.get('preference-applied')).toBe('wait=10');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.has('retry-after')).toBe(false);
      expect(control.actions()).toMatchObject([
        {
          ...accepted(name, owner, 'restore'),
          credentials: { kind: 'user', ...contosoAccount() },
          options: { documentAction: 'keep' },
        },
      ]);
      expect(arrivals(control)).toEqual([dialect.restore(upstreamPlace(name, owner), contosoAccount(), lastAndKeep)]);
      expect(await producedFor(owner)).toEqual(await filesOf(owner));
      await expectReadable(name, answer.headers.get('operation-location'), answer.body);
    });

    it('fred brings back his with the certificate of fabrikam, as the one line upstream wants', async () => {
      const { caller } = desks.fred;
      const answer = await caller.post(path('fred', 'Fred', 'restore'), {}, { prefer: 'wait=10' });

      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ ...ended('fred', 'Fred', 'restore'), outcome: wholeOutcome });
      const certificate = await fabrikamCertificate();
      expect(certificate.applicationCertificate).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
      expect(control.actions()).toMatchObject([
        {
          ...accepted('fred', 'Fred', 'restore'),
          credentials: { kind: 'application', ...certificate },
          options: { documentAction: 'keep' },
        },
      ]);
      expect(arrivals(control)).toEqual([dialect.restore(upstreamPlace('fred', 'Fred'), certificate, lastAndKeep)]);
      expect(await producedFor('Fred')).toEqual(await filesOf('Fred'));
      await expectReadable('fred', answer.headers.get('operation-location'), answer.body);
    });

    it('answers 202 at once and tells where to follow what goes on', async () => {
      const { caller } = desks.alice;
      const hold = control.holdActions();
      const answer = await caller.post(path('alice', 'Alice', 'restore'), { reason: 'Ticket 4711' });

      expect(answer.status).toBe(202);
      const { id, action, organizationId, restoreSessionId, item } = ended('alice', 'Alice', 'restore');
      const asAsked = { id, action, organizationId, restoreSessionId, item, requestedAt: aTime, reason: 'Ticket 4711' };
      expect(answer.body).toEqual({ ...asAsked, state: 'accepted' });
      const location = answer.headers.get('operation-location');
      expect(location).toBe(`${publicUrl}/api/v1/operations/${answer.body.id}`);
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);

      await hold.reached;
      const { progress, ...running } = await until(async () => {
        const { body } = await caller.get(new URL(location ?? '').pathname);
        return body.state === dialect.heldState && (body as Record<string, unknown>);
      });
      expect(running).toEqual({ ...asAsked, state: dialect.heldState, startedAt: aTime });
      expect(progress ?? {}).not.toHaveProperty('percentage');
      expect(await producedFor('Alice')).toEqual({});

      hold.release();
      const operation = await caller.endOf(operationIdOf(answer.headers));
      expect(operation).toEqual({
        ...ended('alice', 'Alice', 'restore'),
        id: answer.body.id,
        outcome: wholeOutcome,
        reason: 'Ticket 4711',
      });
      await expectReadable('alice', location, operation);
      expect(control.actions()).toHaveLength(1);
    });

    it('keeps a document that is there and differs, unless told to overwrite it', async () => {
      const { caller } = desks.alice;
      const welcome = join(neighbours.veeam.productionDir, logins.Alice, 'Welcome.txt');
      await mkdir(join(neighbours.veeam.productionDir, logins.Alice), { recursive: true });
      await writeFile(welcome, 'written since\n');

      await caller.post(path('alice', 'Alice', 'restore'), {}, { prefer: 'wait=10' });
      expect(await readFile(welcome, 'utf8')).toBe('written since\n');

      const choices = { documentAction: 'overwrite', documentVersion: 'last' } as const;
      const answer = await caller.post(path('alice', 'Alice', 'restore'), choices, { prefer: 'wait=10' });
      expect(answer.body).toMatchObject({ state: 'succeeded', outcome: { restored: 1, skipped: 4 } });
      expect(arrivals(control).at(-1)).toEqual(
        dialect.restore(upstreamPlace('alice', 'Alice'), contosoAccount(), choices),
      );
      expect(sha256(await readFile(welcome))).toBe((await filesOf('Alice'))['Welcome.txt']);
    });

    it('brings back all versions where upstream can, and says where it cannot', async () => {
      const { answer, isSent } = dialect.restoreOfAllVersions;
      const choices = { documentAction: 'overwrite', documentVersion: 'all' } as const;
      expect(
        await desks.alice.caller.post(path('alice', 'Alice', 'restore'), choices, { prefer: 'wait=10' }),
      ).toMatchObject(answer);
      const sent = dialect.restore(upstreamPlace('alice', 'Alice'), contosoAccount(), choices);
      expect(arrivals(control)).toEqual(isSent ? [sent] : []);
    });

    it('does not take a 200 of upstream for success', async () => {
      const { caller } = desks.alice;
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 1 } });
      const partly = await caller.post(path('alice', 'Alice', 'restore'), {}, { prefer: 'wait=10' });
      expect(partly.status).toBe(200);
      expect(partly.body).toEqual({
        ...ended('alice', 'Alice', 'restore'),
        state: 'partially-succeeded',
        outcome: {
          total: 5,
          restored: 4,
          failed: 1,
          skipped: 0,
          issues: [
            {
              path: 'Budget 2026.csv',
              title: 'Budget 2026.csv',
              severity: 'error',
              message: 'Access to the item was denied.',
            },
          ],
        },
      });

      control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 5 } });
      const failed = await caller.post(path('alice', 'Alice', 'restore'), {}, { prefer: 'wait=10' });
      expect(failed.body).toMatchObject({ state: 'failed', outcome: { restored: 0, failed: 5 } });
    });

    it('ends as failed, without a word of the credentials, where upstream refuses them', async () => {
      const { restorePassword, restoreUserName } = neighbours.veeam;
      control.refuseRestorePassword(restorePassword);
      try {
        const { caller } = desks.alice;
        const answer = await caller.post(path('alice', 'Alice', 'restore'), {}, { prefer: 'wait=10' });
        expect(answer.status).toBe(200);
        expect(answer.body).toEqual({
          ...ended('alice', 'Alice', 'restore'),
          state: 'failed',
          problem: {
            code: 'upstream-rejected',
            title: 'The backup server refused the request',
            detail: expect.any(String) as string,
          },
        });
        expect(JSON.stringify(answer.body)).not.toContain(restoreUserName);
        expect(JSON.stringify(answer.body)).not.toContain('AADSTS');
        expect(gateway.log().join()).not.toContain(stackTraceMarker);
        expect(control.actions()).toEqual([]);
        expect(actionRequests(control)).toHaveLength(1);
      } finally {
        control.acceptRestorePassword(restorePassword);
      }
    });
  });

  describe('copy', () => {
    const choices = {
      documentVersion: 'last',
      documentLastVersionAction: 'merge',
      changedItems: false,
      deletedItems: false,
      restorePermissions: false,
      sendSharedLinksNotification: false,
    } as const;
    const bobsUpstream = () => ({
      id: oneDrives.Bob,
      name: 'Bob',
      url: 'https://contoso-my.sharepoint.com/personal/bob_contoso_onmicrosoft_com',
    });

    it.each<[Who, string, () => object]>([
      ['oscar', 'its id', () => ({ oneDriveId: oneDrives.Bob })],
      ['oscar', "its owner's login", () => ({ user: logins.Bob })],
      ['helpdesk-app', 'its id', () => ({ oneDriveId: oneDrives.Bob })],
      ['helpdesk-app', "its owner's login", () => ({ user: logins.Bob })],
    ])('%s copies into the OneDrive of somebody else, named by %s', async (name, _by, target) => {
      const answer = await desks[name].caller.post(
        path(name, 'Alice', 'copy'),
        { target: target(), folder: 'From Alice/2026' },
        { prefer: 'wait=10' },
      );

      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ ...ended(name, 'Alice', 'copy'), outcome: wholeOutcome });
      expect(answer.headers.get('operation-location')).toBe(`${publicUrl}/api/v1/operations/${answer.body.id}`);
      expect(control.actions()).toMatchObject([
        {
          ...accepted(name, 'Alice', 'copy'),
          credentials: { kind: 'user', ...contosoAccount() },
          options: { ...choices, targetOneDriveId: oneDrives.Bob, target: logins.Bob, folder: 'From Alice/2026' },
        },
      ]);
      expect(arrivals(control)).toEqual([
        dialect.copy(upstreamPlace(name, 'Alice'), contosoAccount(), {
          target: bobsUpstream(),
          folder: 'From Alice/2026',
          ...choices,
        }),
      ]);
      expect(await producedFor('Bob', 'From Alice/2026')).toEqual(await filesOf('Alice'));
      expect(await producedFor('Alice')).toEqual({});
      await expectReadable(name, answer.headers.get('operation-location'), answer.body);
    });

    it('answers 202 at once, and sends up every choice as it was made', async () => {
      const { caller } = desks.oscar;
      const made = {
        documentVersion: 'all',
        documentLastVersionAction: 'overwrite',
        changedItems: true,
        deletedItems: true,
        restorePermissions: true,
        sendSharedLinksNotification: true,
      } as const;
      const request = { target: { oneDriveId: oneDrives.Bob }, ...made };
      const answer = await caller.post(path('oscar', 'Alice', 'copy'), request);
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({ action: 'copy', state: 'accepted' });
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);

      const operation = await caller.endOf(operationIdOf(answer.headers));
      expect(operation).toEqual({ ...ended('oscar', 'Alice', 'copy'), id: answer.body.id, outcome: wholeOutcome });
      expect(arrivals(control)).toEqual([
        dialect.copy(upstreamPlace('oscar', 'Alice'), contosoAccount(), { target: bobsUpstream(), ...made }),
      ]);
      expect(await producedFor('Bob')).toEqual(await filesOf('Alice'));
    });

    it.each<[string, () => object]>([
      ['a OneDrive that is not there', () => ({ oneDriveId: 'none' })],
      ['a OneDrive of another organization', () => ({ oneDriveId: oneDrives.Fred })],
      ['somebody unknown', () => ({ user: `nobody@${contoso}` })],
      ['somebody of another organization', () => ({ user: logins.Fred })],
      ['somebody with two OneDrives', () => ({ user: `hanna.hybrid@${contoso}` })],
    ])('knows no target in %s', async (_what, target) => {
      const answer = await desks.oscar.caller.post(path('oscar', 'Alice', 'copy'), { target: target() });
      expect(answer).toMatchObject({ status: 404, body: { code: 'not-found' } });
      expect(actionRequests(control)).toEqual([]);
    });
  });

  describe('send', () => {
    const mail = { to: `it.support@${contoso}`, subject: 'Ticket 4711 – Überblick', text: 'As you asked.\nBest, IT' };

    it.each<[Who, string, string | undefined]>([
      ['oscar', `oscar@${contoso}`, undefined],
      ['oscar', `restore@${contoso}`, `restore@${contoso}`],
      ['helpdesk-app', `restore@${contoso}`, undefined],
    ])('%s mails a OneDrive from %s', async (name, sender, from) => {
      const answer = await desks[name].caller.post(
        path(name, 'Alice', 'send'),
        { ...mail, ...(from !== undefined && { from }) },
        { prefer: 'wait=10' },
      );

      expect(answer.status).toBe(200);
      expect(answer.body).toEqual(ended(name, 'Alice', 'send'));
      expect(answer.headers.get('operation-location')).toBe(`${publicUrl}/api/v1/operations/${answer.body.id}`);
      expect(control.actions()).toEqual([
        { ...accepted(name, 'Alice', 'send'), credentials: undefined, options: { from: sender, ...mail } },
      ]);
      expect(arrivals(control)).toEqual([dialect.send(upstreamPlace(name, 'Alice'), { from: sender, ...mail })]);

      const [received, ...others] = await readMails(neighbours.smtp.mailDir);
      expect(others).toEqual([]);
      expect(received?.from?.value).toEqual([{ address: sender, name: '' }]);
      expect([received?.to].flat().map((to) => to?.text)).toEqual([mail.to]);
      expect(received?.subject).toBe(mail.subject);
      expect(received?.text?.trimEnd()).toBe(mail.text);
      expect(received?.attachments.map(({ filename }) => filename)).toEqual(['Alice.zip']);
      const zip = received?.attachments[0]?.content ?? Buffer.alloc(0);
      expect(await digestsInZip(zip)).toEqual(await filesOf('Alice'));
      await expectReadable(name, answer.headers.get('operation-location'), answer.body);
    });

    it('answers 202 at once', async () => {
      const { caller } = desks.oscar;
      const answer = await caller.post(path('oscar', 'Bob', 'send'), mail);
      expect(answer.status).toBe(202);
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      const operation = await caller.endOf(operationIdOf(answer.headers));
      expect(operation).toEqual({ ...ended('oscar', 'Bob', 'send'), id: answer.body.id });
      expect(await readMails(neighbours.smtp.mailDir)).toHaveLength(1);
    });

    it.each([
      ['to another domain', { ...mail, to: 'it.support@elsewhere.example' }],
      ['from somebody else', { ...mail, from: `alice@${contoso}` }],
    ])('is not for mails %s', async (_where, body) => {
      const answer = await desks.oscar.caller.post(path('oscar', 'Alice', 'send'), body);
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect(actionRequests(control)).toEqual([]);
    });

    it('says so while e-mail is not set up upstream', async () => {
      for (const explorer of dialect.emailSettings) control.setEmail(explorer, { enableNotification: false });
      try {
        const answer = await desks.oscar.caller.post(path('oscar', 'Alice', 'send'), mail);
        expect(answer).toMatchObject({ status: 409, body: { code: 'email-not-set-up' } });
        expect(actionRequests(control)).toEqual([]);
      } finally {
        for (const explorer of dialect.emailSettings) control.setEmail(explorer, { enableNotification: true });
      }
    });
  });

  describe('save', () => {
    it.each<[Who, Owner]>([
      ['alice', 'Alice'],
      ['bob', 'Bob'],
      ['fred', 'Fred'],
      ['oscar', 'Alice'],
      ['helpdesk-app', 'Bob'],
    ])('%s downloads the OneDrive of %s as it is in the backup', async (name, owner) => {
      const { caller, backupDay } = desks[name];
      const response = await caller.fetch('POST', path(name, owner, 'save'));
      const zip = Buffer.from(await response.arrayBuffer());

      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      expect(response.headers.get('content-length')).toBe(String(zip.length));
      expect(response.headers.get('content-disposition')).toBe(
        `attachment; filename="onedrive-${owner}-${backupDay}.zip"; filename*=UTF-8''onedrive-${owner}-${backupDay}.zip`,
      );
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await digestsInZip(zip)).toEqual(await filesOf(owner));

      const location = response.headers.get('operation-location');
      const operation = await caller.endOf(operationIdOf(response.headers));
      expect(operation).toEqual({ ...ended(name, owner, 'save'), bytes: zip.length, sha256: sha256(zip) });
      expect(location).toBe(`${publicUrl}/api/v1/operations/${String(operation.id)}`);
      // Upstream's end of the stream comes behind its last byte.
      await until(() => control.actions().every(({ state }) => state !== 'running'));
      expect(control.actions()).toEqual([
        { ...accepted(name, owner, 'save'), credentials: undefined, options: { asZip: false } },
      ]);
      expect(arrivals(control)).toEqual([dialect.save(upstreamPlace(name, owner))]);
      await expectReadable(name, location, operation);
    });

    it('keeps the reason, and is a ZIP whatever is said of one', async () => {
      const { caller } = desks.alice;
      const body = JSON.stringify({ asZip: false, reason: 'Leaving' });
      const response = await caller.fetch('POST', path('alice', 'Alice', 'save'), body);
      const zip = Buffer.from(await response.arrayBuffer());
      expect(await digestsInZip(zip)).toEqual(await filesOf('Alice'));
      const operation = await caller.endOf(operationIdOf(response.headers));
      expect(operation).toMatchObject({ state: 'succeeded', reason: 'Leaving' });
    });
  });

  describe('what is not theirs', () => {
    const bodies = { restore: {}, copy: { target: { user: logins.Alice } }, save: {} };

    it.each<[Who, 'copy']>([
      ['alice', 'copy'],
      ['fred', 'copy'],
    ])('%s may not %s', async (name, action) => {
      const owner = name === 'fred' ? 'Fred' : 'Alice';
      const answer = await desks[name].caller.post(path(name, owner, action), bodies[action]);
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect(requests(control)).toEqual([]);
    });

    it('alice may not send', async () => {
      const mail = { to: logins.Bob, subject: 's', text: 't' };
      const answer = await desks.alice.caller.post(path('alice', 'Alice', 'send'), mail);
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect(requests(control)).toEqual([]);
    });

    it.each<[string, Who, Who, Owner, 'restore' | 'save']>([
      ['bob in a session of alice', 'bob', 'alice', 'Alice', 'restore'],
      ['bob in a session of alice, with his own OneDrive', 'bob', 'alice', 'Bob', 'save'],
      ['oscar in a session of alice', 'oscar', 'alice', 'Alice', 'save'],
      ['bob with the OneDrive of alice', 'bob', 'bob', 'Alice', 'restore'],
      ['bob with the OneDrive of alice', 'bob', 'bob', 'Alice', 'save'],
      ['alice with a OneDrive of another organization', 'alice', 'alice', 'Fred', 'save'],
      ['oscar with a OneDrive of another organization', 'oscar', 'oscar', 'Fred', 'restore'],
    ])('%s finds nothing', async (_what, name, inSessionOf, owner, action) => {
      const answer = await desks[name].caller.post(path(inSessionOf, owner, action), bodies[action]);
      expect(answer).toMatchObject({ status: 404, body: { code: 'not-found' } });
      expect(actionRequests(control)).toEqual([]);
      expect(control.actions()).toEqual([]);
    });
  });

  it("never sends a caller's token upstream", async () => {
    const { caller } = desks.alice;
    await caller.post(path('alice', 'Alice', 'restore'), {}, { prefer: 'wait=10' });
    const digest = sha256(caller.token ?? '').slice(0, 16);
    const sent = control.received().map(({ headers }) => headers.authorization);
    expect(sent).not.toContain(undefined);
    expect(sent.join()).not.toContain(digest);
  });
});
