import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import { ManualClock } from '@app/clock';

import { type Answer, Caller, expectProblem } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { PolicyFolder } from './support/policies.js';
import { changedSettings, rewriteSettings, type YamlSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests, changes } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

const SECOND = 1_000;

describe('a change of the configuration, without a restart', () => {
  let neighbours: Neighbours;
  let policies: PolicyFolder;
  let environment: Record<string, string>;
  let clock: ManualClock;
  let gateway: Gateway;

  beforeAll(async () => {
    neighbours = await startNeighbours();
  });
  afterAll(() => neighbours.close());
  beforeEach(async () => {
    policies = new PolicyFolder();
    environment = { ...(await changedSettings(neighbours, () => ({}))), POLICY_DIR: policies.path };
    clock = new ManualClock(Date.now());
    gateway = await startGateway(neighbours, { clock, environment });
  });
  afterEach(async () => {
    neighbours.veeam.control.clearFaults();
    await gateway.close();
    policies.remove();
  });

  const deskOf = (name: string): Promise<Desk> => openDesk(name, { ...neighbours, gateway });
  const moving = {
    get clock() {
      return clock;
    },
    by: SECOND,
  };
  const logged = (text: string) => gateway.log().filter((line) => line.includes(text));

  async function change(by: (settings: YamlSettings) => Partial<YamlSettings>): Promise<void> {
    const before = logged('the configuration was replaced').length;
    await rewriteSettings(environment, by);
    await until(() => logged('the configuration was replaced').length > before, moving);
  }

  const act = ({ caller, sid }: Desk, oid: string | undefined, action: string, body: object = {}): Promise<Answer> =>
    caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oid}/${action}`, body);

  /** Oscar restores Bob's OneDrive, and a second restore waits behind the first, which upstream holds. */
  async function waitingRestore() {
    const oscar = await deskOf('oscar');
    const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
    const first = await act(oscar, oscar.oneDrives.Bob, 'restore');
    await hold.reached;
    const second = await act(oscar, oscar.oneDrives.Bob, 'restore', { documentAction: 'overwrite' });
    expect([first.status, second.status]).toEqual([202, 202]);
    neighbours.veeam.control.clearReceived();
    return { oscar, hold, first: first.body.id as string, second: second.body.id as string };
  }

  async function recordsOf(operationId: string) {
    const records = await auditRecords(neighbours);
    return records.filter((record) => record.operationId === operationId);
  }

  it('stops an operation that waits when the role binding is gone, and the record says why', async () => {
    const { oscar, hold, first, second } = await waitingRestore();
    await change(({ roleBindings }) => ({ roleBindings: roleBindings.filter(({ role }) => role === 'auditor') }));
    hold.release();
    // Read as oscar, who is no operator any more: what he asked for is still his to read.
    expect(await oscar.caller.endOf(first)).toMatchObject({ state: 'succeeded' });
    expect(await oscar.caller.endOf(second)).toMatchObject({ state: 'failed', problem: { code: 'not-found' } });
    expect(actionRequests(neighbours.veeam.control)).toEqual([]);
    const ended = (await recordsOf(second)).filter(({ action }) => action === 'operation.ended');
    expect(ended).toMatchObject([{ outcome: 'failed', detail: { problem: 'not-found' } }]);
    const [denial] = (await auditRecords(neighbours)).filter(
      ({ decision, actor }) => decision === 'deny' && actor?.name?.startsWith('oscar'),
    );
    expect(denial).toMatchObject({
      action: 'restore',
      policies: ['default-deny'],
      operationId: second,
      item: { kind: 'onedrive', oneDriveId: oscar.oneDrives.Bob },
    });
  });

  it('stops an operation that waits when a policy forbids it by now, and the record names the policy', async () => {
    const { oscar, hold, second } = await waitingRestore();
    policies.write('hold', '@id("legal-hold") forbid (principal, action == Action::"restore", resource);');
    await until(() => logged('the policy was replaced').length > 0, moving);
    hold.release();
    expect(await oscar.caller.endOf(second)).toMatchObject({ state: 'failed', problem: { code: 'forbidden' } });
    expect(actionRequests(neighbours.veeam.control)).toEqual([]);
    const denials = (await auditRecords(neighbours)).filter(({ policies: ids }) => ids?.includes('legal-hold'));
    expect(denials).toMatchObject([
      { action: 'restore', decision: 'deny', restoreSessionId: oscar.sid, operationId: second },
    ]);
    // Whoever asks the trail for the operation is told why it did not run.
    const audrey = await Caller.named('audrey', { ...neighbours, gateway });
    const { body } = await audrey.get(`/api/v1/audit-records?operationId=${second}&decision=deny`);
    expect(body.items).toMatchObject([{ action: 'restore', policies: ['legal-hold'] }]);
  });

  it('lets an operation that waits run when nothing was taken away', async () => {
    const { oscar, hold, second } = await waitingRestore();
    await change(() => ({ reasonPattern: 'INC-\\d+' }));
    hold.release();
    expect(await oscar.caller.endOf(second)).toMatchObject({ state: 'succeeded' });
    expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
  });

  it('lets an operation wait on while upstream cannot say whose the OneDrive is, and runs it once it can', async () => {
    const { oscar, hold, second } = await waitingRestore();
    // Not the hold: the faults are put up first, and taken away singly.
    const fault = neighbours.veeam.control.addFault({
      match: { method: 'GET', route: 'OneDrives' },
      fault: { kind: 'answer', status: 503, headers: { 'retry-after': '600' } },
      times: 1_000,
    });
    hold.release();
    await until(() => logged('cannot start yet').length > 0, moving);
    expect(JSON.parse(logged('cannot start yet')[0] ?? '')).toMatchObject({
      operationId: second,
      backupServer: 'default',
    });
    await until(async () => (await oscar.caller.operation(second)).state === 'accepted');
    expect(actionRequests(neighbours.veeam.control)).toEqual([]);
    neighbours.veeam.control.removeFault(fault);
    await until(async () => (await oscar.caller.operation(second)).state === 'succeeded', moving);
    expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
  });

  it('stops everything by the emergency stop, and lets it go on afterwards', async () => {
    const { oscar, hold, second } = await waitingRestore();
    const alice = await deskOf('alice');
    await change(() => ({ emergencyStop: true }));
    hold.release();
    expect(await oscar.caller.endOf(second)).toMatchObject({ state: 'failed', problem: { code: 'forbidden' } });
    const denied = (await recordsOf(second)).filter(({ decision }) => decision === 'deny');
    expect(denied).toMatchObject([{ action: 'restore', policies: ['emergency-stop-switch'] }]);
    neighbours.veeam.control.clearReceived();
    for (const action of ['restore', 'save']) {
      expectProblem(await act(alice, alice.oneDrives.Alice, action), 'forbidden');
    }
    const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 's', text: 't' };
    expectProblem(await act(oscar, oscar.oneDrives.Bob, 'send', mail), 'forbidden');
    expectProblem(await oscar.caller.post(`/api/v1/restore-sessions/${oscar.sid}/device-codes`), 'forbidden');
    const v5 = `/v5/RestoreSessions/${alice.sid}/Organization/OneDrives/${alice.oneDrives.Alice}/Action`;
    expectProblem(await alice.caller.post(v5, { save: null }), 'forbidden');
    expect(neighbours.veeam.control.received()).toEqual([]);
    expect((await alice.caller.get(`/api/v1/restore-sessions/${alice.sid}/onedrives`)).status).toBe(200);

    const reloads = (await auditRecords(neighbours)).filter(({ action }) => action === 'configuration.reloaded');
    expect(reloads.at(-1)).toMatchObject({ detail: { changed: ['emergencyStop'], emergencyStop: true, waiting: [] } });

    await change(() => ({ emergencyStop: false }));
    expect((await act(alice, alice.oneDrives.Alice, 'save')).status).toBe(200);
  });

  it('holds back by the emergency stop from the start on', async () => {
    await rewriteSettings(environment, () => ({ emergencyStop: true }));
    const stopped = await startGateway(neighbours, { clock, environment });
    try {
      const alice = await openDesk('alice', { ...neighbours, gateway: stopped });
      expectProblem(await act(alice, alice.oneDrives.Alice, 'save'), 'forbidden');
    } finally {
      await stopped.close();
    }
  });

  it('is on record with the next start when it was made while the gateway did not run', async () => {
    const digestOfFile = async () =>
      createHash('sha256')
        .update(await readFile(environment.GATEWAY_CONFIG ?? ''))
        .digest('hex');
    const starts = async () => (await auditRecords(neighbours)).filter(({ action }) => action === 'service.started');
    const restart = async () => {
      await gateway.close();
      const known = new Set((await starts()).map(({ id }) => id));
      gateway = await startGateway(neighbours, { clock, environment });
      return (await starts()).find(({ id }) => !known.has(id))?.detail;
    };
    const before = await restart();
    expect(before).toMatchObject({ configurationDigest: await digestOfFile(), emergencyStop: false });

    policies.write('nothing', '@id("nothing") forbid (principal, action, resource) when { principal.owns.isEmpty() };');
    await rewriteSettings(environment, () => ({ emergencyStop: true }));
    const after = await restart();
    expect(after).toMatchObject({ configurationDigest: await digestOfFile(), emergencyStop: true });
    expect(after?.configurationDigest).not.toBe(before?.configurationDigest);
    expect(after?.policyDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(after?.policyDigest).not.toBe(before?.policyDigest);
    await rewriteSettings(environment, () => ({ emergencyStop: false }));
    expect(await restart()).toMatchObject({ policyDigest: after?.policyDigest, emergencyStop: false });
  });

  it('lets the policy ask for a reason of a certain form', async () => {
    policies.write(
      'reasons',
      '@id("reasons") forbid (principal, action in Action::"act", resource) unless { context.reasonAccepted };',
    );
    await until(() => logged('the policy was replaced').length > 0, moving);
    const alice = await deskOf('alice');
    const save = (reason?: string) => act(alice, alice.oneDrives.Alice, 'save', reason === undefined ? {} : { reason });
    expectProblem(await save(), 'forbidden');
    expect((await save('because')).status).toBe(200);
    await change(() => ({ reasonPattern: 'INC-\\d{4}' }));
    neighbours.veeam.control.clearReceived();
    for (const reason of ['because', 'INC-471', 'INC-47111', 'see INC-4711']) {
      expectProblem(await save(reason), 'forbidden');
    }
    expect(changes(neighbours.veeam.control)).toEqual([]);
    expect((await save('INC-4711')).status).toBe(200);
  });

  it('takes over the domains that mail may go to', async () => {
    const oscar = await deskOf('oscar');
    const send = () =>
      act(oscar, oscar.oneDrives.Bob, 'send', { to: 'auditor@partner.example', subject: 's', text: 't' });
    expectProblem(await send(), 'forbidden');
    await change(({ mail }) => ({ mail: { ...mail, recipientDomains: ['partner.example'] } }));
    const { body } = await send();
    expect(await oscar.caller.endOf(body.id as string)).toMatchObject({ state: 'succeeded' });
  });

  it.each([
    ['broken YAML', 'mail: [hunter2\n'],
    ['nothing in it', ''],
    ['a fault in it', 'organizations: [{ name: hunter2 }]\n'],
  ])('is not taken over from a file with %s, which opens nothing', async (_, text) => {
    const oscar = await deskOf('oscar');
    await writeFile(environment.GATEWAY_CONFIG ?? '', text);
    await until(() => logged('the configuration on disk is broken').length > 0, moving);
    expect(logged('the configuration on disk is broken')).toHaveLength(1);
    expect(gateway.log().join()).not.toContain('hunter2');
    expect((await act(oscar, oscar.oneDrives.Bob, 'save')).status).toBe(200);
    const mallory = await neighbours.sso.token('mallory');
    const answer = await fetch(`${gateway.url}/api/v1/restore-sessions/${oscar.sid}`, {
      headers: { authorization: `Bearer ${mallory}` },
    });
    expect(answer.status).toBe(404);
  });

  it('of what needs a restart is told, and not taken over', async () => {
    await change(({ limits }) => ({ limits: { ...limits, sessionsPerCaller: 1 } }));
    expect(logged('taken over by a restart only').map((line) => JSON.parse(line).waiting)).toEqual([['limits']]);
    await deskOf('alice');
    await deskOf('alice');
  });
});
