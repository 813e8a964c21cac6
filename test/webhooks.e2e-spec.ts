import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import pg from 'pg';
import ts from 'typescript';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { type Desk, openDesk } from './support/desk.js';
import { PolicyFolder } from './support/policies.js';
import { changedSettings, type YamlSettings } from './support/settings.js';
import { until } from './support/until.js';
import { isSignedWith, newWebhookKey, type ReceivedWebhook, WebhookReceiver } from './support/webhook-receiver.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const CONTOSO = 'contoso.onmicrosoft.com';
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How far the clock goes at a time: so little that no attempt under way is given up. */
const STEP = 200;

const run = promisify(execFile);

const roomy = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, sessionsPerCaller: 1_000, requestsPerWindow: 1_000_000 },
});

describe('webhooks', () => {
  let neighbours: Neighbours;
  let owner: pg.Client;
  let clock: ManualClock;
  /** Of the client that people sign in with, of the service helpdesk-app, and of notices to owners. */
  let desk: WebhookReceiver;
  let helpdesk: WebhookReceiver;
  let notices: WebhookReceiver;
  let gateway: Gateway;
  let alice: Desk;
  let oscar: Desk;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    desk = await WebhookReceiver.start(neighbours.canary);
    helpdesk = await WebhookReceiver.start(neighbours.canary);
    notices = await WebhookReceiver.start(neighbours.canary);
    clock = new ManualClock(Date.now());
    gateway = await start(clock, {
      webhooks: [
        { clientId: 'restore-desk', ...desk.settings },
        { clientId: 'helpdesk-app', issuer: neighbours.sso.issuer, ...helpdesk.settings },
      ],
      ownerNotice: notices.settings,
    });
    alice = await openDesk('alice', { ...neighbours, gateway });
    oscar = await openDesk('oscar', { ...neighbours, gateway });
  });
  afterEach(async () => {
    neighbours.veeam.control.clearFaults();
    await owner.query('delete from webhook_deliveries');
    for (const receiver of [desk, helpdesk, notices]) receiver.reset();
  });
  afterAll(async () => {
    await gateway.close();
    await Promise.all([desk, helpdesk, notices].map((receiver) => receiver.close()));
    await owner.end();
    await neighbours.close();
  });

  async function start(at: ManualClock, changes: Partial<YamlSettings>, variables: Record<string, string> = {}) {
    const environment = { ...(await changedSettings(neighbours, () => changes)), ...variables };
    return startGateway(neighbours, { clock: at, environment, adjust: roomy });
  }

  /** An action, and its end. */
  async function act({ caller, sid }: Desk, oneDriveId: string | undefined, action: string, body: object = {}) {
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDriveId}/${action}`;
    const answer = await caller.post(path, body);
    return answer.status === 202 ? caller.endOf(answer.body.id as string) : answer;
  }

  const rows = async () => (await owner.query('select * from webhook_deliveries order by created_at, type')).rows;

  /** The first that a receiver gets. */
  const first = (receiver: WebhookReceiver, at = clock): Promise<ReceivedWebhook> =>
    until(() => receiver.received[0], { clock: at, by: STEP });

  /** Four seconds go by, in which anything due is looked for four times, and what is sent has time to come. */
  async function nothingMore() {
    let looks = 0;
    await until(() => ++looks > (4 * SECOND) / STEP, { clock, by: STEP });
  }

  describe('for the application that asked', () => {
    it('tell of the end of its operation, signed, once', async () => {
      const operation = await act(alice, alice.oneDrives.Alice, 'restore');
      const webhook = await first(desk);
      expect(webhook).toMatchObject({
        method: 'POST',
        path: '/hooks/restore',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'restore-gateway',
          'webhook-id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
          'webhook-timestamp': expect.stringMatching(/^\d{10}$/) as string,
        },
      });
      expect(Math.abs(Number(webhook.headers['webhook-timestamp']) * SECOND - clock.now())).toBeLessThan(MINUTE);
      expect(isSignedWith(desk.key, webhook)).toBe(true);
      expect(isSignedWith(helpdesk.key, webhook)).toBe(false);
      expect(desk.messages()).toEqual([
        {
          type: 'operation.ended',
          time: expect.any(String),
          operation: {
            id: operation.id,
            action: 'restore',
            state: 'succeeded',
            organizationId: alice.organizationId,
            organizationName: CONTOSO,
            restoreSessionId: alice.sid,
            item: { kind: 'onedrive', oneDriveId: alice.oneDrives.Alice },
            requestedAt: operation.requestedAt,
            startedAt: operation.startedAt,
            endedAt: operation.endedAt,
            outcome: { total: 5, restored: 5, failed: 0, skipped: 0 },
          },
        },
      ]);
      await nothingMore();
      expect([desk, helpdesk, notices].map(({ received }) => received.length)).toEqual([1, 0, 0]);
      expect(await rows()).toMatchObject([{ state: 'delivered', body: null, attempts: 1 }]);
    });

    it.each([
      ['failed', { status: 500, body: { message: 'Secret-Plan.docx is locked' } }],
      [
        'partially-succeeded',
        {
          status: 200,
          body: { totalItemsCount: 2, restoredItemsCount: 1, failedItemsCount: 1, warnings: ['Secret-Plan.docx'] },
        },
      ],
    ])('tell that one %s, and name no file', async (state, answer) => {
      neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', ...answer } });
      const operation = await act(alice, alice.oneDrives.Alice, 'restore');
      const { text } = await first(desk);
      const [{ operation: told }] = desk.messages();
      expect(told).toMatchObject({ id: operation.id, state });
      expect(told.problem).toEqual(operation.problem && { code: operation.problem.code });
      expect(text).not.toMatch(/Secret-Plan|issues|detail/);
    });

    it('tell of a download, and of what was canceled before it began', async () => {
      await act(alice, alice.oneDrives.Alice, 'save');
      const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
      const running = act(alice, alice.oneDrives.Alice, 'restore');
      await hold.reached;
      const path = `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/restore`;
      const { body: waiting } = await alice.caller.post(path, {});
      await alice.caller.delete(`/api/v1/operations/${waiting.id}`);
      hold.release();
      await running;
      await until(() => desk.received.length === 3, { clock, by: STEP });
      expect(desk.messages().map(({ operation }) => operation)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            action: 'save',
            state: 'succeeded',
            bytes: expect.any(Number),
            sha256: expect.any(String),
          }),
          expect.objectContaining({ id: waiting.id, state: 'canceled' }),
          expect.objectContaining({ id: (await running).id, state: 'succeeded' }),
        ]),
      );
    });

    it('tell nothing of the operations of another', async () => {
      const service = await openDesk('helpdesk-app', { ...neighbours, gateway });
      const { id } = await act(service, service.oneDrives.Bob, 'restore');
      expect(isSignedWith(helpdesk.key, await first(helpdesk))).toBe(true);
      expect(helpdesk.messages()).toMatchObject([{ operation: { id } }]);
      await nothingMore();
      expect(desk.received).toEqual([]);
    });

    it('are signed with both keys while one is replaced', async () => {
      const newKey = newWebhookKey(neighbours.canary);
      const file = join(dirname(desk.keyFile), 'new.key');
      writeFileSync(file, newKey);
      const webhook = {
        clientId: 'restore-desk',
        ...desk.settings,
        secret: { file },
        previousSecret: desk.settings.secret,
      };
      const at = new ManualClock(Date.now());
      const other = await start(at, { webhooks: [webhook] });
      await act(alice, alice.oneDrives.Alice, 'restore');
      const received = await first(desk, at);
      expect([newKey, desk.key, helpdesk.key].map((key) => isSignedWith(key, received))).toEqual([true, true, false]);
      await other.close();
    });

    it('are verified by what docs/operate/webhooks.md says, and refused when anything is changed', async () => {
      const at = new ManualClock(Date.now());
      const other = await start(at, { webhooks: [{ clientId: 'restore-desk', ...desk.settings }] });
      await act(alice, alice.oneDrives.Alice, 'restore');
      const { headers, text: body } = await first(desk, at);
      await other.close();
      const past = String(Number(headers['webhook-timestamp']) - 600);
      const messages = [
        { secret: desk.key, headers, body },
        { secret: desk.key, headers, body: body.replace('succeeded', 'failed') },
        { secret: helpdesk.key, headers, body },
        { secret: desk.key, headers: { ...headers, 'webhook-id': 'another' }, body },
        { secret: desk.key, headers: { ...headers, 'webhook-timestamp': past }, body },
      ];
      for (const verify of await documentedVerifiers()) {
        expect(await verify(messages)).toEqual([
          'operation.ended',
          'The message is not signed with the secret.',
          'The message is not signed with the secret.',
          'The message is not signed with the secret.',
          'The message is not of now.',
        ]);
      }
    });
  });

  describe('for owners', () => {
    const mail = { to: `bob@${CONTOSO}`, subject: 'Confidential subject', text: 'Confidential text' };

    it.each([
      ['restore', {}],
      ['save', {}],
      ['send', mail],
    ])('tell who does a %s with a OneDrive that is not their own', async (action, body) => {
      await act(oscar, oscar.oneDrives.Alice, action, { ...body, reason: 'ticket 4711' });
      const webhook = await first(notices);
      expect(isSignedWith(notices.key, webhook)).toBe(true);
      expect(notices.messages()).toEqual([
        {
          type: 'operator-action.accepted',
          time: expect.any(String),
          actor: {
            issuer: neighbours.sso.issuer,
            subject: expect.any(String),
            clientId: 'restore-desk',
            name: `oscar@${CONTOSO}`,
          },
          oneDrive: { id: oscar.oneDrives.Alice, name: 'Alice' },
          operation: {
            id: expect.any(String),
            action,
            organizationId: oscar.organizationId,
            organizationName: CONTOSO,
            restoreSessionId: oscar.sid,
            requestedAt: expect.any(String),
            reason: 'ticket 4711',
          },
        },
      ]);
      expect(webhook.text).not.toContain('Confidential');
    });

    it('tell for whom a service says that it acts', async () => {
      const service = await openDesk('helpdesk-app', { ...neighbours, gateway });
      const asked = { onBehalfOf: `alice@${CONTOSO}`, reason: 'ticket 4711' };
      await act(service, service.oneDrives.Alice, 'restore', asked);
      await first(notices);
      expect(notices.messages()).toMatchObject([
        {
          actor: { clientId: 'helpdesk-app' },
          onBehalfOf: { unprovenName: asked.onBehalfOf },
          operation: { reason: asked.reason },
        },
      ]);
    });

    it('tell where a copy goes', async () => {
      await act(oscar, oscar.oneDrives.Alice, 'copy', { target: { oneDriveId: oscar.oneDrives.Bob } });
      await first(notices);
      expect(notices.messages()).toMatchObject([
        {
          oneDrive: { name: 'Alice' },
          target: { id: oscar.oneDrives.Bob, name: 'Bob' },
          operation: { action: 'copy' },
        },
      ]);
    });

    it('tell of a copy out of the own OneDrive into that of another, and not of one into itself', async () => {
      const policies = new PolicyFolder();
      const own = 'permit (principal, action == Action::"copy", resource) when { principal.owns.contains(resource) };';
      policies.write('own', `@id("people-copy-their-own")\n${own}\n`);
      const at = new ManualClock(Date.now());
      const generous = await start(at, { ownerNotice: notices.settings }, { POLICY_DIR: policies.path });
      const there = await openDesk('alice', { ...neighbours, gateway: generous });
      const targets = [there.oneDrives.Alice, oscar.oneDrives.Bob];
      for (const oneDriveId of targets) await act(there, there.oneDrives.Alice, 'copy', { target: { oneDriveId } });
      await first(notices, at);
      expect(notices.messages()).toMatchObject([{ oneDrive: { name: 'Alice' }, target: { name: 'Bob' } }]);
      expect(await rows()).toHaveLength(1);
      await generous.close();
      policies.remove();
    });

    it('tell nothing of what people do with their own, of browsing, and of what was refused', async () => {
      await act(alice, alice.oneDrives.Alice, 'restore');
      await oscar.caller.get(`/api/v1/restore-sessions/${oscar.sid}/onedrives/${oscar.oneDrives.Alice}`);
      expect(await act(alice, oscar.oneDrives.Bob, 'restore')).toMatchObject({ status: 404 });
      const elsewhere = { ...mail, to: 'bob@elsewhere.com' };
      expect(await act(oscar, oscar.oneDrives.Alice, 'send', elsewhere)).toMatchObject({ status: 403 });
      expect((await rows()).map(({ type }) => type as string)).toEqual(['operation.ended']);
    });

    it('tell nothing of what could not be accepted', async () => {
      const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
      const running = act(oscar, oscar.oneDrives.Alice, 'restore');
      await hold.reached;
      expect(await act(oscar, oscar.oneDrives.Alice, 'save')).toMatchObject({ status: 409 });
      hold.release();
      const { id } = await running;
      const told = (await rows()).filter(({ type }) => type === 'operator-action.accepted');
      expect(told.map(({ operation_id }) => operation_id as string)).toEqual([id]);
    });

    it('tell nothing of what could not be put on record: both are written in one transaction', async () => {
      await owner.query(`alter table audit_records add constraint no_copies check (action <> 'copy') not valid`);
      try {
        const target = { oneDriveId: oscar.oneDrives.Bob };
        const refused = await act(oscar, oscar.oneDrives.Alice, 'copy', { target });
        expect(refused.status).toBeGreaterThanOrEqual(500);
        expect(await rows()).toEqual([]);
      } finally {
        await owner.query('alter table audit_records drop constraint no_copies');
      }
    });

    it.each([
      ['organizations', { organizations: ['fabrikam.onmicrosoft.com'] }, 0],
      ['organizations', { organizations: [CONTOSO] }, 1],
      ['actions', { actions: ['send', 'save'] }, 0],
      ['actions', { actions: ['restore'] }, 1],
    ])('keep to the configured %s %j', async (_, filter, count) => {
      const at = new ManualClock(Date.now());
      const filtered = await start(at, { ownerNotice: { ...notices.settings, ...filter } });
      const there = await openDesk('oscar', { ...neighbours, gateway: filtered });
      await act(there, there.oneDrives.Alice, 'restore');
      expect((await rows()).map(({ receiver }) => receiver as string)).toEqual(Array(count).fill('owner-notice'));
      await filtered.close();
    });
  });

  it('are not written down where none is configured', async () => {
    const quiet = await startGateway(neighbours, { clock: new ManualClock(Date.now()), adjust: roomy });
    const there = await openDesk('oscar', { ...neighbours, gateway: quiet });
    await act(there, there.oneDrives.Alice, 'restore');
    expect(await rows()).toEqual([]);
    const { body } = await there.caller.get('/health/ready');
    expect(Object.keys(body.checks as object)).not.toContain('webhooks');
    await quiet.close();
  });

  it('leave no key in the log', () => {
    const log = gateway.log().join('\n');
    for (const { key } of [desk, helpdesk, notices]) expect(log).not.toContain(key.slice('whsec_'.length));
  });
});

interface Delivered {
  readonly secret: string;
  readonly headers: object;
  readonly body: string;
}

/** Types of the messages, or why they were refused. */
type Verify = (messages: readonly Delivered[]) => Promise<string[]>;

/** What the page tells receivers to do, as programs; the one in Python where there is a Python. */
async function documentedVerifiers(): Promise<Verify[]> {
  const page = readFileSync(join(__dirname, '../docs/operate/webhooks.md'), 'utf8');
  const block = (language: string) => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? '';
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const javascript = `${ts.transpileModule(block('ts'), { compilerOptions }).outputText}
for (const { secret, headers, body } of JSON.parse(process.argv[2])) {
  try { console.log(verify(secret, headers, body).type); } catch (error) { console.log(error.message); }
}`;
  const python = `${block('python')}
import sys
for message in json.loads(sys.argv[1]):
    try:
        print(verify(message["secret"], message["headers"], message["body"].encode())["type"])
    except ValueError as error:
        print(error)
`;
  const hasPython = await run('python3', ['--version']).then(
    () => true,
    () => false,
  );
  if (!hasPython) process.stderr.write('SKIPPED: verifying webhooks in Python, since there is no python3.\n');
  return [
    verifier(process.execPath, 'verify.mjs', javascript),
    ...(hasPython ? [verifier('python3', 'verify.py', python)] : []),
  ];
}

function verifier(interpreter: string, name: string, program: string): Verify {
  return async (messages) => {
    const folder = mkdtempSync(join(tmpdir(), 'webhook-verify-'));
    try {
      writeFileSync(join(folder, name), program);
      const { stdout } = await run(interpreter, [join(folder, name), JSON.stringify(messages)]);
      return stdout.trim().split('\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}
