import { randomUUID } from 'node:crypto';

import pg from 'pg';

import { type AuditRecord, verify } from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';
import type { Configuration } from '@app/config';
import { Secret } from '@app/secrets';
import { Database } from '@app/store';

import { Caller, expectProblem } from './support/caller.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { type Desk, openDesk } from './support/desk.js';
import { PolicyFolder } from './support/policies.js';
import { until } from './support/until.js';
import { changes } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const contoso = 'contoso.onmicrosoft.com';
const SECOND = 1_000;

const roomy = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, sessionsPerCaller: 1_000, requestsPerWindow: 100_000, sessionIdleMs: 60 * SECOND },
});

describe('what goes on in the gateway', () => {
  let neighbours: Neighbours;
  let proxy: DatabaseProxy;
  let policies: PolicyFolder;
  let clock: ManualClock;
  let gateway: Gateway;
  let owner: pg.Client;
  let alice: Desk;
  let oscar: Desk;
  let bobsOneDrive: string;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    proxy = await DatabaseProxy.start(neighbours.database.url);
    policies = new PolicyFolder();
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    clock = new ManualClock(Date.now());
    gateway = await start(clock);
    const world = { ...neighbours, gateway };
    alice = await openDesk('alice', world);
    oscar = await openDesk('oscar', world);
    bobsOneDrive = oscar.oneDrives.Bob ?? '';
  });
  afterAll(async () => {
    await gateway.close();
    await owner.end();
    await proxy.close();
    policies.remove();
    await neighbours.close();
  });

  const start = (at?: ManualClock) =>
    startGateway(neighbours, {
      ...(at && { clock: at }),
      environment: { DATABASE_URL_FILE: '', DATABASE_URL: proxy.url, POLICY_DIR: policies.path },
      adjust: roomy,
    });

  const callerNamed = (name: string) => Caller.named(name, { ...neighbours, gateway });

  async function trail(): Promise<AuditRecord[]> {
    const { rows } = await owner.query<{ text: string }>('select text from audit_records order by time, writer, seq');
    return rows.map(({ text }) => JSON.parse(text) as AuditRecord);
  }

  /** What was recorded while something was done. */
  async function recordedBy(work: () => Promise<unknown>): Promise<AuditRecord[]> {
    const before = new Set((await trail()).map(({ id }) => id));
    await work();
    return (await trail()).filter(({ id }) => !before.has(id));
  }

  const act = ({ caller, sid }: Desk, oneDriveId: string | undefined, action: string, body: object = {}) =>
    caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDriveId}/${action}`, body, { prefer: 'wait=10' });

  describe('as an action', () => {
    const mail = { to: `bob@${contoso}`, subject: 'Confidential subject', text: 'Confidential text' };

    it.each([
      ['restore', () => ({}), 'operators-act-in-their-organizations'],
      ['copy', () => ({ target: { oneDriveId: bobsOneDrive }, reason: 'ticket 4711' }), 'operators-copy'],
      ['send', () => mail, 'operators-send'],
    ])('%s is on record with its decision and its end', async (action, body, policy) => {
      let requestId: string | null = null;
      let operationId = '';
      const records = await recordedBy(async () => {
        const answer = await act(oscar, oscar.oneDrives.Alice, action, body());
        requestId = answer.headers.get('x-request-id');
        operationId = answer.body.id;
      });
      const operation = await oscar.caller.operation(operationId);
      const actor = expect.objectContaining({ issuer: neighbours.sso.issuer, clientId: expect.any(String) });
      const item = { kind: 'onedrive', oneDriveId: oscar.oneDrives.Alice };
      const about = { actor, organization: contoso, restoreSessionId: oscar.sid, operationId, item, requestId };
      expect(operation.state).toBe('succeeded');
      const counts = operation.outcome && {
        counts: expect.objectContaining({ total: 5, restored: 5, failed: 0, skipped: 0 }),
      };
      expect(records).toEqual([
        expect.objectContaining({
          ...about,
          action,
          decision: 'allow',
          policies: [policy],
          upstreamSessionId: oscar.upstreamSid,
          traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        }),
        expect.objectContaining({ ...about, action: 'operation.started', upstreamSessionId: oscar.upstreamSid }),
        ...(action === 'send'
          ? []
          : [
              expect.objectContaining({
                ...about,
                action: 'credential-profile.used',
                detail: { action, credentialProfile: 'contoso' },
              }),
            ]),
        expect.objectContaining({ ...about, action: 'operation.ended', outcome: 'succeeded', ...counts }),
      ]);
      expect(new Set(records.map(({ reason }) => reason))).toEqual(
        new Set([action === 'copy' ? 'ticket 4711' : undefined]),
      );
      expect(new Set(records.map(({ traceId }) => traceId)).size).toBe(1);
    });

    it('save is on record with size and digest of what was delivered', async () => {
      let operationId = '';
      const records = await recordedBy(async () => {
        const path = `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/save`;
        const answer = await alice.caller.fetch('POST', path, '{}');
        await answer.arrayBuffer();
        const { body } = await alice.caller.get('/api/v1/operations?limit=1');
        operationId = body.items[0].id;
        await alice.caller.endOf(operationId);
      });
      const { bytes, sha256 } = await alice.caller.operation(operationId);
      expect(bytes).toBeGreaterThan(0);
      expect(records).toMatchObject([
        { action: 'save', decision: 'allow', policies: ['people-act-on-own-onedrive'], operationId },
        { action: 'operation.started', operationId, detail: { action: 'save' } },
        { action: 'operation.ended', outcome: 'succeeded', operationId, bytes, sha256 },
      ]);
    });

    it('that fails is on record with its problem', async () => {
      neighbours.veeam.control.addFault({
        match: { action: 'restore' },
        fault: { kind: 'answer', status: 500, body: { message: 'no' } },
      });
      const records = await recordedBy(() => act(alice, alice.oneDrives.Alice, 'restore'));
      neighbours.veeam.control.clearFaults();
      expect(records).toMatchObject([
        { action: 'restore', decision: 'allow' },
        { action: 'operation.started' },
        { action: 'credential-profile.used' },
        { action: 'operation.ended', outcome: 'failed', detail: { action: 'restore', problem: expect.any(String) } },
      ]);
    });

    it('that is canceled is on record with who did it, once', async () => {
      const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
      const path = `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/restore`;
      const first = await alice.caller.post(path, {});
      await hold.reached;
      const second = await alice.caller.post(path, {});
      const records = await recordedBy(async () => {
        await alice.caller.delete(`/api/v1/operations/${second.body.id}`);
        await alice.caller.delete(`/api/v1/operations/${second.body.id}`);
      });
      hold.release();
      await alice.caller.endOf(first.body.id as string);
      expect(records).toMatchObject([
        {
          action: 'operation.ended',
          outcome: 'canceled',
          operationId: second.body.id,
          actor: { name: expect.any(String) },
        },
      ]);
    });
  });

  describe('as a refusal', () => {
    it.each([
      ['alice', 'browses', ''],
      ['alice', 'restores', '/restore'],
    ])('%s who %s what is of bob is on record with the policy that decided', async (_who, _does, route) => {
      const path = `/api/v1/restore-sessions/${alice.sid}/onedrives/${bobsOneDrive}${route}`;
      const records = await recordedBy(async () => {
        expectProblem(await alice.caller.call(route ? 'POST' : 'GET', path, route ? '{}' : undefined), 'not-found');
      });
      expect(records).toMatchObject([
        {
          action: route ? 'restore' : 'browse',
          decision: 'deny',
          policies: ['default-deny'],
          organization: contoso,
          restoreSessionId: alice.sid,
          item: { kind: 'onedrive', oneDriveId: bobsOneDrive },
        },
      ]);
    });

    it.each([
      ['browse', undefined],
      ['save', {}],
      ['copy', () => ({ target: { oneDriveId: bobsOneDrive } })],
    ])('to an operator who would %s what is not in the backup is on record as well', async (action, body) => {
      const oneDriveId = randomUUID();
      const path = `/api/v1/restore-sessions/${oscar.sid}/onedrives/${oneDriveId}`;
      const records = await recordedBy(async () => {
        const answer = body
          ? await act(oscar, oneDriveId, action, typeof body === 'function' ? body() : body)
          : await oscar.caller.get(path);
        expectProblem(answer, 'not-found');
      });
      expect(records).toMatchObject([
        {
          action,
          decision: 'deny',
          policies: ['default-deny'],
          organization: contoso,
          restoreSessionId: oscar.sid,
          item: { kind: 'onedrive', oneDriveId },
        },
      ]);
    });

    it.each([
      ['id', () => ({ oneDriveId: randomUUID() })],
      ['user', () => ({ user: `nobody@${contoso}` })],
    ])('to an operator who names a target that is none by its %s is on record', async (_, target) => {
      const records = await recordedBy(async () => {
        expectProblem(await act(oscar, bobsOneDrive, 'copy', { target: target() }), 'not-found');
      });
      const item = { kind: 'onedrive', oneDriveId: bobsOneDrive };
      expect(records).toMatchObject([{ action: 'copy', decision: 'deny', policies: ['default-deny'], item }]);
    });

    it('by a forbid names it', async () => {
      const records = await recordedBy(async () => {
        const mail = { to: 'somebody@elsewhere.example', subject: 'Confidential subject', text: 'Confidential text' };
        expectProblem(await act(oscar, oscar.oneDrives.Alice, 'send', mail), 'forbidden');
      });
      expect(records).toMatchObject([{ action: 'send', decision: 'deny', policies: ['send-to-an-allowed-recipient'] }]);
    });

    it('at the first stage is on record', async () => {
      const records = await recordedBy(async () => {
        const target = { oneDriveId: bobsOneDrive };
        expectProblem(await act(alice, alice.oneDrives.Alice, 'copy', { target }), 'forbidden');
      });
      expect(records).toMatchObject([{ action: 'copy', decision: 'deny', policies: ['default-deny'] }]);
    });

    it('to open a restore session is on record, with what was asked for', async () => {
      const mallory = await callerNamed('mallory');
      const { organizationId } = alice;
      const records = await recordedBy(async () => {
        expectProblem(await mallory.post('/api/v1/restore-sessions', { organizationId }), 'forbidden');
      });
      expect(records).toMatchObject([
        {
          action: 'openRestoreSession',
          decision: 'deny',
          policies: ['default-deny'],
          actor: { name: expect.any(String) },
        },
      ]);
    });

    it('of a device code is on record', async () => {
      const records = await recordedBy(async () => {
        const answer = await alice.caller.post(`/api/v1/restore-sessions/${alice.sid}/device-codes`);
        expectProblem(answer, 'forbidden');
      });
      expect(records).toMatchObject([{ action: 'requestDeviceCode', decision: 'deny', policies: ['default-deny'] }]);
    });

    it('of somebody without a valid token is not: anybody could fill the trail', async () => {
      const records = await recordedBy(async () => {
        for (const token of [undefined, 'nonsense', `${alice.caller.token ?? ''}x`]) {
          const nobody = new Caller(gateway.url, token);
          expect(await nobody.post('/api/v1/restore-sessions', {})).toMatchObject({ status: 401 });
        }
      });
      expect(records).toEqual([]);
    });
  });

  describe('as an event', () => {
    it('is a restore session that is opened, and stopped by its owner', async () => {
      let sid = '';
      const records = await recordedBy(async () => {
        sid = await alice.caller.openSession();
        expect((await alice.caller.delete(`/api/v1/restore-sessions/${sid}`)).status).toBe(204);
        expect((await alice.caller.delete(`/api/v1/restore-sessions/${sid}`)).status).toBe(204);
      });
      expect(records).toMatchObject([
        { action: 'openRestoreSession', decision: 'allow', policies: ['people-open-restore-sessions'] },
        { action: 'restore-session.opened', restoreSessionId: sid, organization: contoso },
        { action: 'restore-session.stopped', outcome: 'by-caller', restoreSessionId: sid },
        { action: 'restore-session.ended', outcome: 'proven', restoreSessionId: sid },
      ]);
      expect(records.at(-1)).not.toHaveProperty('actor');
    });

    it('is a restore session that nobody uses, stopped by the gateway itself', async () => {
      const helpdesk = await openDesk('helpdesk-app', { ...neighbours, gateway });
      const ofHelpdesk = async () =>
        (await trail()).find((record) => record.outcome === 'idle' && record.restoreSessionId === helpdesk.sid);
      const record = await until(
        async () => {
          // Those of the others stay in use.
          await Promise.all([alice, oscar].map(({ caller, sid }) => caller.oneDrives(sid)));
          return ofHelpdesk();
        },
        { clock, by: 10 * SECOND },
      );
      expect(record).toMatchObject({ action: 'restore-session.stopped' });
      expect(record).not.toHaveProperty('actor');
    });

    it('is a device code that is issued, without the code', async () => {
      let userCode = '';
      const records = await recordedBy(async () => {
        const { body } = await oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/device-codes`);
        userCode = body.userCode;
      });
      expect(records).toMatchObject([
        { action: 'requestDeviceCode', decision: 'allow', policies: ['operators-request-device-codes'] },
        { action: 'device-code.issued', restoreSessionId: oscar.sid },
      ]);
      expect(userCode).toMatch(/./);
      expect(JSON.stringify(records)).not.toContain(userCode);
    });

    it('is the start and the stop of the service, and a policy that is replaced', async () => {
      const own = new ManualClock(Date.now());
      const records = await recordedBy(async () => {
        const other = await start(own);
        policies.write(
          'nothing',
          '@id("nothing") forbid (principal, action, resource) when { principal.organizations.isEmpty() };',
        );
        await until(() => other.log().some((line) => line.includes('the policy was replaced')), {
          clock: own,
          by: 10 * SECOND,
        });
        policies.delete('nothing');
        await other.close();
      });
      const policyDigest = records[0]?.detail?.policyDigest;
      expect(records).toMatchObject([
        { action: 'service.started', seq: 1, detail: { policyDigest, emergencyStop: false } },
        {
          action: 'policy.reloaded',
          seq: 2,
          detail: { digest: expect.stringMatching(/^[0-9a-f]{64}$/), replaced: policyDigest },
        },
        { action: 'service.stopped', seq: 3 },
      ]);
    });
  });

  it('is not done when it cannot be recorded', async () => {
    alice = await openDesk('alice', { ...neighbours, gateway });
    const path = `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/restore`;
    await owner.query('revoke insert on audit_records from public');
    const { rows } = await owner.query<{ grantee: string }>(
      `select distinct grantee from information_schema.role_table_grants
       where table_name = 'audit_records' and privilege_type = 'INSERT' and grantee <> current_user`,
    );
    const roles = rows.map(({ grantee }) => pg.escapeIdentifier(grantee)).join(', ');
    await owner.query(`revoke insert on audit_records from ${roles}`);
    const operationsBefore = (await alice.caller.get('/api/v1/operations')).body;
    neighbours.veeam.control.clearReceived();
    try {
      expect((await alice.caller.post(path, {})).status).toBeGreaterThanOrEqual(500);
      const { organizationId } = alice;
      const opened = await alice.caller.post('/api/v1/restore-sessions', { organizationId });
      expect(opened.status).toBeGreaterThanOrEqual(500);
    } finally {
      await owner.query(`grant insert on audit_records to ${roles}`);
    }
    expect(changes(neighbours.veeam.control)).toEqual([]);
    expect((await alice.caller.get('/api/v1/operations')).body).toEqual(operationsBefore);
    expect((await act(alice, alice.oneDrives.Alice, 'restore')).body).toMatchObject({ state: 'succeeded' });
  });

  it('is refused as long as the database is down, and nothing goes upstream', async () => {
    neighbours.veeam.control.clearReceived();
    proxy.goDown();
    try {
      expectProblem(await act(alice, alice.oneDrives.Alice, 'restore'), 'store-unavailable');
      const { organizationId } = alice;
      const opened = await alice.caller.post('/api/v1/restore-sessions', { organizationId });
      expectProblem(opened, 'store-unavailable');
    } finally {
      proxy.comeBack();
    }
    expect(changes(neighbours.veeam.control)).toEqual([]);
  });

  it('leaves whole chains behind, of two gateways on one database, and no secret in them', async () => {
    const second = await start();
    const desks = await Promise.all(
      [gateway, second].flatMap((at) =>
        ['alice', 'oscar'].map((name) => openDesk(name, { ...neighbours, gateway: at })),
      ),
    );
    // Either gateway may run what the other accepted, so that the clock of the one that is asked does not tell of the end.
    const asked = desks.flatMap(({ caller, sid, oneDrives }) =>
      Array.from({ length: 2 }, async () => {
        const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`;
        const { body } = await caller.post(path, {});
        return caller.endOf(body.id as string);
      }),
    );
    const mallory = await callerNamed('mallory');
    await Promise.all(
      Array.from({ length: 10 }, () => mallory.post('/api/v1/restore-sessions', { organizationId: 'x' })),
    );
    const operations = await Promise.all(asked);
    await second.close();
    const records = await trail();
    const ended = new Map(
      records
        .filter(({ action }) => action === 'operation.ended')
        .map((record) => [record.operationId, record.outcome]),
    );
    for (const { id } of operations) expect(ended.get(id as string)).toBe('succeeded');

    const database = new Database({
      url: { current: new Secret(neighbours.database.ownerUrl) },
      caFile: undefined,
    });
    const verification = await verify(database, { clock: new SystemClock() });
    await database.close();
    expect(verification).toMatchObject({ rows: records.length, faults: [] });
    expect(verification.writers).toBeGreaterThanOrEqual(2);

    const text = JSON.stringify(records);
    const tokens = desks.map(({ caller }) => caller.token ?? '');
    for (const secret of ['Confidential', 'Bearer', neighbours.database.url, ...tokens]) {
      expect(text).not.toContain(secret);
    }
  });
});
