import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { auditActions, type AuditRecord, Month, sealMonth } from '@app/audit';
import { ManualClock } from '@app/clock';
import { Secret } from '@app/secrets';
import { Database } from '@app/store';

import { Caller } from './support/caller.js';
import { openDesk } from './support/desk.js';
import { PolicyFolder } from './support/policies.js';
import { SecretMount } from './support/secret-mount.js';
import { changedSettings, rewriteSettings, type YamlSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(120_000);

const SECOND = 1_000;
const contoso = 'contoso.onmicrosoft.com';

/** What has no route yet, and what a lost answer alone brings about (asynchronous-upstream.e2e-spec.ts). */
const notAskedHere = ['readSendReadiness', 'operation.reconciled'];

/** Of every record, and not said again in each row. */
const common = ['id', 'time', 'writer', 'seq', 'action'];

interface Row {
  readonly kinds: readonly string[];
  readonly always: readonly string[];
  readonly sometimes: readonly string[];
}

/** The table of docs/audit.md. */
function documented(): Row[] {
  const page = readFileSync(join(__dirname, '../docs/audit.md'), 'utf8');
  const table = page.split('### Members of each record')[1]?.split('\n## ')[0] ?? '';
  return table
    .split('\n')
    .filter((line) => /^\| .*`/.test(line))
    .map((line) => {
      const [first = [], always = [], sometimes = []] = line
        .split('|')
        .slice(1)
        .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
      const decision = first.find((name) => name === 'allow' || name === 'deny');
      const names = first.filter((name) => name !== decision);
      return { kinds: names.map((name) => (decision ? `${name} ${decision}` : name)), always, sometimes };
    });
}

function kindOf({ action, decision, detail }: AuditRecord): string {
  if (detail?.summed !== undefined) return 'summed';
  return decision === undefined ? action : `${action} ${decision}`;
}

const sorted = (names: Iterable<string>) => [...new Set(names)].sort();

describe('the records of the audit trail', () => {
  let records: readonly AuditRecord[];

  beforeAll(async () => {
    records = await everythingThatIsRecorded();
  });

  it('are all in the table of docs/audit.md', () => {
    const kinds = documented().flatMap((row) => row.kinds);
    expect(sorted(records.map(kindOf)).filter((kind) => !kinds.includes(kind))).toEqual([]);
    const actions = new Set(kinds.map((kind) => kind.split(' ')[0]));
    expect(auditActions.filter((action) => !actions.has(action))).toEqual(notAskedHere);
  });

  it.each(documented())('have the members that the table says: $kinds', ({ kinds, always, sometimes }) => {
    const ofRow = records.filter((record) => kinds.includes(kindOf(record))).map((record) => Object.keys(record));
    expect(sorted(records.map(kindOf).filter((kind) => kinds.includes(kind)))).toEqual(sorted(kinds));
    const everywhere = ofRow.flat().filter((name) => ofRow.every((names) => names.includes(name)));
    expect({ always: sorted(everywhere), atAll: sorted(ofRow.flat()) }).toEqual({
      always: sorted([...common, ...always]),
      atAll: sorted([...common, ...always, ...sometimes]),
    });
  });
});

/** What is left when everything was sealed. */
async function sealed(neighbours: Neighbours, clock: ManualClock): Promise<AuditRecord[]> {
  const database = new Database({ url: { current: new Secret(neighbours.database.ownerUrl) }, caFile: undefined });
  const folder = mkdtempSync(join(tmpdir(), 'audit-members-'));
  const now = new Date(clock.now());
  await sealMonth(database, { month: Month.of(now), path: join(folder, 'archive.ndjson'), now, sinks: [] });
  rmSync(folder, { recursive: true });
  await database.close();
  return auditRecords(neighbours);
}

const auditingOperators = ({ roleBindings }: Pick<YamlSettings, 'roleBindings'>) => ({
  roleBindings: [...roleBindings, { role: 'auditor', organizations: [contoso], group: 'contoso-restore-operators' }],
});

/** Has a gateway do and refuse all there is, with a reason and without, and reads its trail. */
async function everythingThatIsRecorded(): Promise<AuditRecord[]> {
  const neighbours = await startNeighbours();
  const policies = new PolicyFolder();
  const clock = new ManualClock(Date.now());
  const mount = await SecretMount.with(
    { 'contoso.password': neighbours.veeam.restorePassword },
    { canary: neighbours.canary, belongsIn: () => ['upstream-action'] },
  );
  const changed = await changedSettings(neighbours, ({ roleBindings, credentialProfiles = [] }) => ({
    ...auditingOperators({ roleBindings }),
    credentialProfiles: credentialProfiles.map((profile) =>
      profile.kind === 'user' ? { ...profile, password: { file: mount.path('contoso.password') } } : profile,
    ),
  }));
  const environment = { ...changed, POLICY_DIR: policies.path };
  const gateway = await startGateway(neighbours, {
    clock,
    environment,
    adjust: (configuration) => ({
      ...configuration,
      limits: { ...configuration.limits, denialsPerMinute: 5, sessionIdleMs: 60 * SECOND, sessionsPerCaller: 3 },
    }),
  });
  const world = { ...neighbours, gateway };
  const moving = { clock, by: 10 * SECOND };
  const isLogged = (text: string) => gateway.log().some((line) => line.includes(text));
  const callerNamed = (name: string) => Caller.named(name, world);

  const alice = await openDesk('alice', world);
  const oscar = await openDesk('oscar', world);
  const { organizationId } = alice;
  const reasoned = async (caller: Caller): Promise<string> =>
    (await caller.post('/api/v1/restore-sessions', { organizationId, reason: 'ticket 1' })).body.id as string;
  const ofAlice = { ...alice, sid: await reasoned(alice.caller) };
  const ofOscar = { ...oscar, sid: await reasoned(oscar.caller) };
  const act = ({ caller, sid }: typeof alice, oneDriveId: string | undefined, action: string, body: object = {}) =>
    caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDriveId}/${action}`, body, { prefer: 'wait=10' });
  const mail = { to: `bob@${contoso}`, subject: 'Files', text: 'Here they are.' };
  const { Alice: alices, Bob: bobs } = oscar.oneDrives;

  for (const desk of [oscar, ofOscar]) {
    await act(desk, alices, 'restore');
    await act(desk, alices, 'copy', { target: { oneDriveId: bobs } });
    await act(desk, alices, 'send', mail);
    await act(desk, alices, 'save');
    await act(desk, alices, 'send', { ...mail, to: 'somebody@elsewhere.example' });
    await desk.caller.get(`/api/v1/restore-sessions/${desk.sid}/onedrives`);
    await desk.caller.get(`/api/v1/restore-sessions/${desk.sid}/onedrives/${alices}`);
    await desk.caller.post(`/api/v1/restore-sessions/${desk.sid}/device-codes`);
  }
  for (const desk of [alice, ofAlice]) {
    await act(desk, bobs, 'restore');
    await act(desk, bobs, 'save');
    await act(desk, alices, 'copy', { target: { oneDriveId: bobs } });
    await desk.caller.get(`/api/v1/restore-sessions/${desk.sid}/onedrives/${bobs}`);
    await desk.caller.get(`/api/v1/restore-sessions/${desk.sid}/onedrives/${alices}`);
    await desk.caller.post(`/v5/RestoreSessions/${desk.sid}/organization/restoreDeviceCode`);
  }
  await alice.caller.get(`/api/v1/restore-sessions/${oscar.sid}`);
  await alice.caller.get(`/api/v1/operations/${randomUUID()}`);
  const saved = await oscar.caller.get('/api/v1/operations?limit=1');
  await alice.caller.get(`/api/v1/operations/${saved.body.items[0].id}`);
  neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', status: 500 } });
  await act(alice, alices, 'restore');

  const { control } = neighbours.veeam;
  // Ended by upstream, as requests find out, and as an operation does that waits.
  const hold = control.hold({ action: 'restore' }, 'running');
  const held = await ofOscar.caller.post(`/api/v1/restore-sessions/${ofOscar.sid}/onedrives/${alices}/restore`, {});
  await hold.reached;
  const waiting = await ofOscar.caller.post(`/api/v1/restore-sessions/${ofOscar.sid}/onedrives/${bobs}/restore`, {});
  for (const { id, kind } of control.sessions()) if (kind === 'explore') control.stopSession(id);
  hold.release();
  for (const { body } of [held, waiting]) await ofOscar.caller.endOf(body.id as string, moving);
  for (const desk of [alice, ofAlice]) await desk.caller.get(`/api/v1/restore-sessions/${desk.sid}/onedrives`);
  // One session too many, which is noticed when upstream has opened it.
  const explores = control.hold({ action: 'explore' });
  const opening = [reasoned(alice.caller), reasoned(alice.caller)];
  await explores.reachedBy(2);
  explores.release();
  await Promise.all(opening);

  const audrey = await callerNamed('audrey');
  for (let n = 0; n < 7; n++) {
    await alice.caller.post('/api/v1/restore-sessions', { organizationId: 'x' });
    await audrey.post('/api/v1/restore-sessions', { organizationId, reason: 'ticket 2' });
  }

  const trail = '/api/v1/audit-records';
  for (const path of [trail, `${trail}/export?organization=${contoso}`]) await audrey.get(path);
  // Of an organization that is not the caller's, and at the first stage.
  await oscar.caller.get(`${trail}?organization=fabrikam.onmicrosoft.com`);
  await alice.caller.get(trail);
  for (const { caller } of [oscar, alice]) await caller.get('/api/v1/credential-profiles');

  for (const desk of [alice, ofAlice, ofOscar]) await desk.caller.delete(`/api/v1/restore-sessions/${desk.sid}`);
  await until(async () => (await auditRecords(neighbours)).some(({ outcome }) => outcome === 'idle'), moving);

  // Somebody whom the first stage stops, whatever is asked for.
  policies.write(
    'suspended',
    '@id("suspended") forbid (principal, action, resource) when { principal has userName && principal.userName like "mallory@*" };',
  );
  // And what only the second stage can tell.
  policies.write(
    'no-codes',
    `@id("no-codes") forbid (principal, action == Action::"requestDeviceCode", resource in Organization::"${contoso}");`,
  );
  await until(() => isLogged('the policy was replaced'), moving);
  for (const sid of [await oscar.caller.openSession(), await reasoned(oscar.caller)]) {
    await oscar.caller.post(`/api/v1/restore-sessions/${sid}/device-codes`);
  }
  const mallory = await callerNamed('mallory');
  const session = `RestoreSessions/${alice.sid}`;
  await mallory.get('/api/v1/organizations');
  await mallory.post('/api/v1/restore-sessions', { organizationId });
  await mallory.get(`/v5/${session}`);
  await mallory.get(`/v5/${session}/Organization/OneDrives`);
  await mallory.post(`/v5/${session}/Organization/OneDrives/${alices}/Action`, { save: null });
  await mallory.post(`/v5/${session}/organization/restoreDeviceCode`);
  await mallory.get('/api/v1/operations');
  await mallory.post('/api/v1/policy/explain', {});

  await mount.change('plain write', { 'contoso.password': `next ${randomUUID()}` });
  await until(() => isLogged('a changed credential is in use'), { clock, by: SECOND });

  await rewriteSettings(environment, () => ({ emergencyStop: true }));
  await until(() => isLogged('the configuration was replaced'), moving);

  await gateway.close();
  const records = [...(await auditRecords(neighbours)), ...(await sealed(neighbours, clock))];
  policies.remove();
  await mount.remove();
  await neighbours.close();
  return records;
}
