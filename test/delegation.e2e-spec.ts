import pg from 'pg';

import { type AuditRecord, exportLines } from '@app/audit';
import { Secret } from '@app/secrets';
import { Database } from '@app/store';

import { Caller, expectProblem } from './support/caller.js';
import { PolicyFolder } from './support/policies.js';
import { changes } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

type Claims = Readonly<Record<string, unknown>>;

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
beforeEach(() => {
  policies = new PolicyFolder();
});
afterEach(async () => {
  await gateway.close();
  policies.remove();
});

async function start() {
  gateway = await startGateway(neighbours, { environment: { POLICY_DIR: policies.path } });
  neighbours.veeam.control.clearReceived();
}

const bearing = async (name: string, claims: Claims = {}) =>
  new Caller(gateway.url, await neighbours.sso.token(name, claims));

async function recordedBy(work: () => Promise<unknown>): Promise<AuditRecord[]> {
  const trail = async () => {
    const { rows } = await owner.query<{ text: string }>('select text from audit_records order by time, writer, seq');
    return rows.map(({ text }) => JSON.parse(text) as AuditRecord);
  };
  const before = new Set((await trail()).map(({ id }) => id));
  await work();
  return (await trail()).filter(({ id }) => !before.has(id));
}

const restore = (caller: Caller, sid: string, oneDriveId = '', body: object = {}) =>
  caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDriveId}/restore`, body, { prefer: 'wait=10' });

describe('a token of alice that helpdesk-app holds and acts by', () => {
  const act = { sub: 'helpdesk-app', client_id: 'helpdesk-app' };
  const delegated = (claims: Claims = {}) => bearing('alice', { client_id: 'helpdesk-app', act, ...claims });

  it('does what is right for alice, with what is hers', async () => {
    await start();
    const [alice, helpdesk] = [await bearing('alice'), await delegated()];
    const sid = await helpdesk.openSession();
    const [own] = await helpdesk.oneDrives(sid);
    expect(await alice.oneDrives(await alice.openSession())).toEqual([own]);
    // helpdesk-app itself is an operator; acting for alice it is none.
    const operator = await bearing('helpdesk-app');
    const all = await operator.oneDrives(await operator.openSession());
    const bobs = all.find((id) => id !== own);
    expectProblem(await restore(helpdesk, sid, bobs), 'not-found');
    expect(await restore(helpdesk, sid, own)).toMatchObject({ status: 200, body: { state: 'succeeded' } });
  });

  it('makes what belongs to alice, and not to helpdesk-app', async () => {
    await start();
    const helpdesk = await delegated();
    const sid = await helpdesk.openSession();
    const [own] = await helpdesk.oneDrives(sid);
    const { body: operation } = await restore(helpdesk, sid, own);
    const alice = await bearing('alice');
    expect(await alice.get(`/api/v1/restore-sessions/${sid}`)).toMatchObject({ status: 200, body: { id: sid } });
    expect(await alice.get(`/api/v1/operations/${operation.id}`)).toMatchObject({ status: 200 });
    for (const other of [await bearing('helpdesk-app'), await bearing('bob', { act })]) {
      expectProblem(await other.get(`/api/v1/restore-sessions/${sid}`), 'not-found');
      expectProblem(await other.get(`/api/v1/operations/${operation.id}`), 'not-found');
    }
  });

  it('is on record as helpdesk-app on behalf of alice, whoever of the two is looked for', async () => {
    await start();
    const helpdesk = await delegated({ act: { ...act, act: { sub: 'first-actor' } } });
    const all = await recordedBy(async () => {
      const sid = await helpdesk.openSession();
      const [own] = await helpdesk.oneDrives(sid);
      await restore(helpdesk, sid, own);
      await restore(helpdesk, sid, 'of-somebody-else');
      await helpdesk.delete(`/api/v1/restore-sessions/${sid}`);
    });
    // That upstream has ended a session too is the gateway's own finding.
    const records = all.filter(({ action }) => action !== 'restore-session.ended');
    const { issuer } = neighbours.sso;
    const aliceSubject =
      (await recordedBy(async () => (await bearing('alice')).openSession()))[0]?.actor?.subject ?? '';
    const actions = records.map(({ action }) => action);
    expect(actions).toEqual(
      expect.arrayContaining(['openRestoreSession', 'restore-session.opened', 'restore', 'operation.ended']),
    );
    expect(records.some(({ decision }) => decision === 'deny')).toBe(true);
    for (const { actor, onBehalfOf } of records) {
      expect(actor).toEqual({ issuer, subject: 'helpdesk-app', clientId: 'helpdesk-app' });
      expect(onBehalfOf).toEqual({ issuer, subject: aliceSubject, name: 'alice@contoso.onmicrosoft.com' });
    }
    for (const actor of [
      { subject: aliceSubject },
      { subject: aliceSubject, issuer },
      { subject: 'helpdesk-app', issuer },
    ]) {
      expect(await found(actor)).toEqual(expect.arrayContaining(records.map(({ id }) => id)));
    }
    expect(await found({ subject: aliceSubject, issuer: 'https://other.example' })).toEqual([]);
    expect(await found({ subject: 'first-actor' })).toEqual([]);
  });

  it.each<[string, Claims]>([
    ['that names nobody', { act: {} }],
    ['that is a name', { act: 'helpdesk-app' }],
    ['that is a list', { act: [act] }],
    ['that goes on for too long', { act: { ...act, act: { ...act, act: { ...act, act: { ...act, act } } } } }],
    ['with somebody unsound in its history', { act: { ...act, act: { sub: 7 } } }],
  ])('is refused with an actor %s', async (_case, claims) => {
    await start();
    expectProblem(await (await delegated(claims)).get('/api/v1/organizations'), 'token-invalid');
  });

  it('can be forbidden by policy, and alice herself goes on', async () => {
    policies.write(
      'delegation',
      `@id("no-delegation") forbid (principal, action in Action::"act", resource) when { principal has actor };
       @id("no-delegated-sessions") forbid (principal, action == Action::"openRestoreSession", resource)
       when { principal has actor && principal.actor has clientId && principal.actor.clientId == "another-app" };`,
    );
    await start();
    const [alice, helpdesk] = [await bearing('alice'), await delegated()];
    const sid = await helpdesk.openSession();
    const [own] = await helpdesk.oneDrives(sid);
    neighbours.veeam.control.clearReceived();
    expectProblem(await restore(helpdesk, sid, own), 'forbidden');
    const other = await delegated({ act: { sub: 'another', client_id: 'another-app' } });
    const { organizationId } = (await alice.get(`/api/v1/restore-sessions/${sid}`)).body;
    expectProblem(await other.post('/api/v1/restore-sessions', { organizationId }), 'forbidden');
    expect(changes(neighbours.veeam.control)).toEqual([]);
    expect(await restore(alice, sid, own)).toMatchObject({ status: 200, body: { state: 'succeeded' } });
  });
});

it('who may act is not who acts', async () => {
  await start();
  const records = await recordedBy(async () =>
    (await bearing('alice', { may_act: { sub: 'helpdesk-app' } })).openSession(),
  );
  expect(records.length).toBeGreaterThan(0);
  for (const record of records) expect(record).not.toHaveProperty('onBehalfOf');
});

it('mallory gets nothing by an actor who is an operator', async () => {
  await start();
  const mallory = await bearing('mallory', { act: { sub: 'helpdesk-app', groups: ['contoso-restore-operators'] } });
  expect((await mallory.get('/api/v1/organizations')).body.items).toEqual([]);
});

/** Ids of the records that an auditor finds by a person or service. */
async function found(actor: { subject: string; issuer?: string }): Promise<string[]> {
  const database = new Database({ url: { current: new Secret(neighbours.database.url) }, caFile: undefined });
  try {
    const ids: string[] = [];
    for await (const page of exportLines(database, { actor })) {
      const lines = page.trimEnd().split('\n');
      const records = lines.map((line) => (JSON.parse(line) as { record?: AuditRecord }).record);
      ids.push(...records.flatMap((record) => record?.id ?? []));
    }
    return ids;
  } finally {
    await database.close();
  }
}
