import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { type Answer, Caller, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const HOUR = 60 * 60_000;

describe('the ceiling of what may be done to OneDrives of others within an hour', () => {
  let neighbours: Neighbours;
  let clock: ManualClock;
  let gateways: Gateway[];

  beforeEach(async () => {
    neighbours = await startNeighbours();
    clock = new ManualClock(Date.now());
    gateways = [];
  });
  afterEach(async () => {
    neighbours.veeam.control.clearFaults();
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await neighbours.close();
  });

  async function start(operatorCeilings: Configuration['operatorCeilings'], at = clock): Promise<Gateway> {
    const gateway = await startGateway(neighbours, {
      clock: at,
      adjust: (configuration) => ({
        ...configuration,
        operatorCeilings,
        limits: { ...configuration.limits, requestsPerWindow: 100_000 },
      }),
    });
    gateways.push(gateway);
    return gateway;
  }

  const deskOf = (name: string, gateway: Gateway) => openDesk(name, { ...neighbours, gateway });
  const act = ({ caller, sid }: Desk, oid: string | undefined, action: string, body: object = {}): Promise<Answer> =>
    caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oid}/${action}`, body, { prefer: 'wait=10' });

  const refusals = async () =>
    (await auditRecords(neighbours)).filter(({ policies }) => policies?.includes('operator-ceiling'));

  it('is reached by restores, copies, mails and downloads together, and over when the hour is', async () => {
    const gateway = await start({ actions: 4, bytes: undefined });
    const oscar = await deskOf('oscar', gateway);
    const { Alice: alices, Bob: bobs } = oscar.oneDrives;
    const mail = { to: 'alice@contoso.onmicrosoft.com', subject: 's', text: 't' };
    const answers = [
      await act(oscar, bobs, 'restore'),
      await act(oscar, bobs, 'copy', { target: { oneDriveId: alices } }),
      await act(oscar, bobs, 'send', mail),
      await act(oscar, alices, 'save'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);

    neighbours.veeam.control.clearReceived();
    const v5 = `/v5/RestoreSessions/${oscar.sid}/Organization/OneDrives/${bobs}/Action`;
    for (const answer of [
      await act(oscar, bobs, 'restore'),
      await act(oscar, bobs, 'save'),
      await act(oscar, bobs, 'send', mail),
      await oscar.caller.post(v5, { save: null }),
    ]) {
      expectProblem(answer, 'rate-limited');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(actionRequests(neighbours.veeam.control)).toEqual([]);
    expect(await refusals()).toMatchObject(
      ['restore', 'save', 'send', 'save'].map((action) => ({
        action,
        decision: 'deny',
        organization: 'contoso.onmicrosoft.com',
        restoreSessionId: oscar.sid,
        item: { oneDriveId: bobs },
      })),
    );

    const anHourLater = await start({ actions: 4, bytes: undefined }, new ManualClock(clock.now() + HOUR + 1));
    const later = await deskOf('oscar', anHourLater);
    expect((await act(later, bobs, 'save')).status).toBe(200);
  });

  it('does not count what people do to their own OneDrive', async () => {
    const gateway = await start({ actions: 1, bytes: 1 });
    const alice = await deskOf('alice', gateway);
    for (let n = 0; n < 3; n++) {
      expect((await act(alice, alice.oneDrives.Alice, 'save')).status).toBe(200);
    }
  });

  it('counts copies out of the own OneDrive into those of others, and none that stays within', async () => {
    const gateway = await start({ actions: 1, bytes: undefined });
    const oscar = await deskOf('oscar', gateway);
    const iat = Math.floor(gateway.now() / 1_000);
    const claims = { iat, exp: iat + 3_600, groups: ['contoso-restore-operators'] };
    const caller = new Caller(gateway.url, await neighbours.sso.token('alice', claims));
    const alice = { ...oscar, caller, sid: await caller.openSession() };
    const { Alice: own, Bob: bobs } = oscar.oneDrives;
    const copy = (oneDriveId: string | undefined) => act(alice, own, 'copy', { target: { oneDriveId } });
    expect([(await copy(own)).status, (await copy(own)).status]).toEqual([200, 200]);
    expect((await copy(bobs)).status).toBe(200);
    expectProblem(await copy(bobs), 'rate-limited');
    expect((await copy(own)).status).toBe(200);
    expect(await refusals()).toMatchObject([{ action: 'copy', decision: 'deny', restoreSessionId: alice.sid }]);
  });

  it('lets exactly as many through as it says when many are asked for at once on two replicas', async () => {
    const replicas = [await start({ actions: 3, bytes: undefined }), await start({ actions: 3, bytes: undefined })];
    const desks = await Promise.all(
      Array.from({ length: 8 }, (_, n) => replicas[n % 2]).flatMap((gateway) =>
        gateway ? [deskOf('oscar', gateway)] : [],
      ),
    );
    // Without waiting: one replica may run what the other accepted, and learn of its end by a clock that stands still.
    const answers = await Promise.all(
      desks.map(({ caller, sid, oneDrives }) =>
        caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Bob}/restore`, {}),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 202),
      ...Array.from({ length: 5 }, () => 429),
    ]);
    const [anybody] = desks;
    for (const { status, body } of answers) if (status === 202) await anybody?.caller.endOf(body.id as string);
    expect(actionRequests(neighbours.veeam.control)).toHaveLength(3);
  });

  it('refuses a download before its first byte when its length does not fit, and counts one that runs', async () => {
    const size = await sizeOfBobs();
    const gateway = await start({ actions: undefined, bytes: Math.floor(size * 1.5) });
    const [first, second] = [await deskOf('oscar', gateway), await deskOf('oscar', gateway)];
    const hold = neighbours.veeam.control.hold({ action: 'save' }, 'done');
    const running = act(first, first.oneDrives.Bob, 'save');
    await hold.reached;
    hold.release();
    expect((await running).status).toBe(200);

    const refused = await act(second, second.oneDrives.Bob, 'save');
    expectProblem(refused, 'rate-limited');
    const { body: list } = await second.caller.get('/api/v1/operations');
    const ended = list.items.find(({ restoreSessionId }: Record<string, string>) => restoreSessionId === second.sid);
    expect(ended).toMatchObject({ action: 'save', state: 'failed', problem: { code: 'rate-limited' } });
    expect(await refusals()).toMatchObject([
      { action: 'save', decision: 'deny', operationId: ended.id, restoreSessionId: second.sid },
    ]);
    // A small one is written before anybody can stop it.
    expect(['aborted', 'finished']).toContain(await neighbours.veeam.control.saves().at(-1)?.ended);
  });

  it('breaks a download of unknown length off where it no longer fits, so that it never looks whole', async () => {
    const size = await sizeOfBobs();
    const gateway = await start({ actions: undefined, bytes: Math.floor(size / 2) });
    const oscar = await deskOf('oscar', gateway);
    neighbours.veeam.control.addFault({
      match: { action: 'save' },
      fault: { kind: 'cut', afterBytes: size * 2, chunked: true },
    });
    const path = `/api/v1/restore-sessions/${oscar.sid}/onedrives/${oscar.oneDrives.Bob}/save`;
    const response = await oscar.caller.fetch('POST', path, '{}');
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(await oscar.caller.endOf(operationIdOf(response.headers))).toMatchObject({
      state: 'failed',
      problem: { code: 'rate-limited' },
    });
    await until(async () => (await refusals()).length > 0);
    expect(await refusals()).toMatchObject([
      { action: 'save', decision: 'deny', operationId: operationIdOf(response.headers), restoreSessionId: oscar.sid },
    ]);
  });

  it('ends a download upstream that cannot be counted', async () => {
    const gateway = await start({ actions: undefined, bytes: 1e12 });
    const oscar = await deskOf('oscar', gateway);
    const { control } = neighbours.veeam;
    // Too big to be written before anybody can stop it.
    control.setBigOneDrive({ bytes: 64 * 1024 ** 2 });
    const saving = control.nextSave();
    const hold = control.hold({ action: 'save' }, 'running');
    const answer = act(oscar, oscar.oneDrives['Vera Vast'], 'save');
    await hold.reached;
    await asOwner(`revoke update on operations from ${new URL(neighbours.database.url).username}`);
    hold.release();
    expectProblem(await answer, 'internal-error');
    expect(await (await saving).ended).toBe('aborted');
  });

  async function asOwner(sql: string): Promise<void> {
    const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    await owner.query(sql);
    await owner.end();
  }

  async function sizeOfBobs(): Promise<number> {
    const unlimited = await start({ actions: undefined, bytes: undefined });
    const desk = await deskOf('helpdesk-app', unlimited);
    const path = `/api/v1/restore-sessions/${desk.sid}/onedrives/${desk.oneDrives.Bob}/save`;
    const response = await desk.caller.fetch('POST', path, '{}');
    return (await response.arrayBuffer()).byteLength;
  }
});
