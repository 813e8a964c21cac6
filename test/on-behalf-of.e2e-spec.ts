import pg from 'pg';

import type { AuditRecord } from '@app/audit';

import { contoso } from '../apps/veeam-sandbox/src/people.js';
import { backedUp } from './support/backed-up.js';
import { Caller, expectProblem, operationIdOf } from './support/caller.js';
import { PolicyFolder } from './support/policies.js';
import { changes } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

const bob = 'bob@contoso.onmicrosoft.com';
const carol = 'Carol (INC-4711)';
const alices = backedUp('alice@contoso.onmicrosoft.com').oneDriveIds[0] ?? '';
const bobs = backedUp(bob).oneDriveIds[0] ?? '';

let neighbours: Neighbours;
let policies: PolicyFolder;
let gateway: Gateway;
let owner: pg.Client;

beforeAll(async () => {
  neighbours = await startNeighbours();
  owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await neighbours.close();
});
beforeEach(async () => {
  policies = new PolicyFolder();
  gateway = await startGateway(neighbours, { environment: { POLICY_DIR: policies.path } });
  neighbours.veeam.control.clearReceived();
});
afterEach(async () => {
  await gateway.close();
  policies.remove();
});

const named = (name: string) => Caller.named(name, { ...neighbours, gateway });

const open = (caller: Caller, body: object) =>
  caller.post('/api/v1/restore-sessions', { organizationId: contoso.id, ...body });

const at = (sid: string, oneDriveId: string, action: string) =>
  `/api/v1/restore-sessions/${sid}/onedrives/${oneDriveId}/${action}`;

const wait = { prefer: 'wait=10' };
const bodies = {
  restore: {},
  copy: { target: { oneDriveId: bobs } },
  send: { to: bob, subject: 'Your files', text: 'Here they are.' },
  save: {},
};

async function recordedBy(work: () => Promise<unknown>): Promise<AuditRecord[]> {
  const trail = async () => {
    const { rows } = await owner.query<{ text: string }>('select text from audit_records order by time, writer, seq');
    return rows.map(({ text }) => JSON.parse(text) as AuditRecord);
  };
  const before = new Set((await trail()).map(({ id }) => id));
  await work();
  return (await trail()).filter(({ id }) => !before.has(id));
}

describe('a service that says for whom it asks', () => {
  it.each(Object.entries(bodies))('has it kept with the operation and on record: %s', async (action, body) => {
    const helpdesk = await named('helpdesk-app');
    let shown: { onBehalfOf?: string } = {};
    const records = await recordedBy(async () => {
      const { body: session } = await open(helpdesk, { onBehalfOf: bob });
      const answer = await helpdesk.post(at(session.id, alices, action), { ...body, onBehalfOf: carol }, wait);
      expect(answer.status).toBe(200);
      shown = await helpdesk.endOf(operationIdOf(answer.headers));
    });
    expect(shown).toMatchObject({ state: 'succeeded', onBehalfOf: carol });
    const forWhom = Object.fromEntries(records.map((record) => [record.action, record.onBehalfOf]));
    expect(forWhom).toEqual({
      openRestoreSession: { unprovenName: bob },
      'restore-session.opened': { unprovenName: bob },
      [action]: { unprovenName: carol },
      'operation.started': { unprovenName: carol },
      ...(['restore', 'copy'].includes(action) && { 'credential-profile.used': { unprovenName: carol } }),
      'operation.ended': { unprovenName: carol },
    });
    for (const { actor } of records) expect(actor).toMatchObject({ subject: 'helpdesk-app' });
  });

  it('need say it only when it opens the session', async () => {
    const helpdesk = await named('helpdesk-app');
    const { body: session } = await open(helpdesk, { onBehalfOf: bob });
    const { body: operation } = await helpdesk.post(at(session.id, alices, 'restore'), {}, wait);
    expect(operation).toMatchObject({ state: 'succeeded', onBehalfOf: bob });
    const v5 = `/v5/RestoreSessions/${session.id}/Organization/OneDrives/${alices}/Action`;
    const records = await recordedBy(() => helpdesk.post(v5, { restoreToOriginalLocation: {} }));
    expect(records.map(({ onBehalfOf }) => onBehalfOf)).toEqual(Array(4).fill({ unprovenName: bob }));
  });

  it('has it on record of what is looked at', async () => {
    const helpdesk = await named('helpdesk-app');
    const { body: session } = await open(helpdesk, { onBehalfOf: bob, reason: 'INC-1' });
    const oneDrives = `/api/v1/restore-sessions/${session.id}/onedrives`;
    const records = await recordedBy(async () => {
      for (const path of [oneDrives, `${oneDrives}/${alices}`, `${oneDrives}/${alices}/items`]) {
        expect((await helpdesk.get(path)).status).toBe(200);
      }
    });
    expect(records).toMatchObject(
      Array(3).fill({ action: 'browse', onBehalfOf: { unprovenName: bob }, reason: 'INC-1' }),
    );
    expect(records).toHaveLength(3);
  });

  it('has it on record of what nobody like it may ever do', async () => {
    await gateway.close();
    policies.write('no-mail', '@id("no-mail") forbid (principal, action == Action::"send", resource);');
    gateway = await startGateway(neighbours, { environment: { POLICY_DIR: policies.path } });
    const helpdesk = await named('helpdesk-app');
    const place = { organization: contoso.name, oneDriveId: alices, action: 'send', ...bodies.send };
    const records = await recordedBy(async () => {
      expectProblem(await helpdesk.post('/api/v1/restores', { ...place, onBehalfOf: carol }), 'forbidden');
    });
    const denials = records.filter(({ decision }) => decision === 'deny');
    expect(denials).toMatchObject([{ action: 'send', policies: ['no-mail'], onBehalfOf: { unprovenName: carol } }]);
    expect(changes(neighbours.veeam.control)).toEqual([]);
  });

  it('gets nothing by it', async () => {
    const token = await neighbours.sso.token('helpdesk-app', { roles: [] });
    const powerless = new Caller(gateway.url, token);
    expectProblem(await open(powerless, { onBehalfOf: bob }), 'forbidden');
    const helpdesk = await named('helpdesk-app');
    const { body: session } = await open(helpdesk, { onBehalfOf: bob });
    expectProblem(await (await named('bob')).get(`/api/v1/restore-sessions/${session.id}`), 'not-found');
    expectProblem(await powerless.post(at(session.id, bobs, 'save'), { onBehalfOf: bob }), 'forbidden');
    expect(neighbours.veeam.control.actions()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['blanks', '   '],
    ['null', null],
    ['a list', [bob]],
    ['two lines', `${bob}\nX-Other: y`],
    ['something that turns the text around', `${bob}\u202e`],
    ['half a character', 'bob\ud800'],
    ['more than 254 characters', 'b'.repeat(255)],
  ])('is refused when that is %s', async (_case, onBehalfOf) => {
    const helpdesk = await named('helpdesk-app');
    const { body: session } = await open(helpdesk, {});
    neighbours.veeam.control.clearReceived();
    const explain = { restoreSessionId: session.id, oneDriveId: alices, action: 'restore', onBehalfOf };
    const refusals = [
      await open(helpdesk, { onBehalfOf }),
      await helpdesk.post('/api/v1/policy/explain', explain),
      ...(await Promise.all(
        Object.entries(bodies).map(([action, body]) =>
          helpdesk.post(at(session.id, alices, action), { ...body, onBehalfOf }),
        ),
      )),
    ];
    for (const refused of refusals) {
      expectProblem(refused, 'validation-failed');
      expect(refused.body.errors).toEqual([{ field: 'onBehalfOf', message: expect.any(String) }]);
    }
    expect(neighbours.veeam.control.received()).toEqual([]);
  });

  it('cannot say it on the v5 routes', async () => {
    const helpdesk = await named('helpdesk-app');
    const { body: session } = await open(helpdesk, {});
    const v5 = `/v5/RestoreSessions/${session.id}/Organization/OneDrives/${alices}/Action`;
    for (const body of [{ restoreToOriginalLocation: { onBehalfOf: bob } }, { save: { onBehalfOf: bob } }]) {
      expectProblem(await helpdesk.post(v5, body), 'validation-failed');
    }
    expect(neighbours.veeam.control.actions()).toEqual([]);
  });
});

describe('a person', () => {
  it.each(['alice', 'oscar'])('may not say so, and nothing is done: %s', async (name) => {
    const caller = await named(name);
    const sid = await caller.openSession();
    neighbours.veeam.control.clearReceived();
    const records = await recordedBy(async () => {
      expectProblem(await open(caller, { onBehalfOf: bob }), 'forbidden');
      for (const action of ['restore', 'save'] as const) {
        const refused = await caller.post(at(sid, alices, action), { ...bodies[action], onBehalfOf: bob });
        expectProblem(refused, 'forbidden');
      }
    });
    expect(
      records.map(({ action, decision, policies, onBehalfOf }) => [action, decision, policies, onBehalfOf]),
    ).toEqual(
      ['openRestoreSession', 'restore', 'save'].map((action) => [
        action,
        'deny',
        ['on-behalf-of-is-for-services'],
        { unprovenName: bob },
      ]),
    );
    expect(changes(neighbours.veeam.control)).toEqual([]);
  });

  it('is told so before', async () => {
    const alice = await named('alice');
    const asked = { restoreSessionId: await alice.openSession(), oneDriveId: alices, action: 'save' };
    const explain = (over: object) => alice.post('/api/v1/policy/explain', { ...asked, ...over });
    expect((await explain({})).body).toMatchObject({ decision: 'allow' });
    expect((await explain({ onBehalfOf: bob })).body).toMatchObject({
      decision: 'deny',
      policies: ['on-behalf-of-is-for-services'],
    });
  });

  it('who may, by policy, has it recorded beside whom the token proves', async () => {
    await gateway.close();
    policies.withdraw('limits', 'on-behalf-of-is-for-services');
    gateway = await startGateway(neighbours, { environment: { POLICY_DIR: policies.path } });
    const act = { sub: 'helpdesk-app' };
    const delegated = new Caller(gateway.url, await neighbours.sso.token('alice', { act }));
    const records = await recordedBy(() => open(delegated, { onBehalfOf: carol }));
    expect(records.map(({ action }) => action)).toEqual(['openRestoreSession', 'restore-session.opened']);
    for (const { actor, onBehalfOf } of records) {
      expect(actor).toMatchObject({ subject: 'helpdesk-app' });
      expect(onBehalfOf).toEqual({
        issuer: neighbours.sso.issuer,
        subject: expect.any(String),
        name: 'alice@contoso.onmicrosoft.com',
        unprovenName: carol,
      });
    }
  });
});
