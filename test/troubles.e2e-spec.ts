import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ManualClock } from '@app/clock';

import { Caller, expectProblem, operationIdOf } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { digestsInZip, emptyFolder } from './support/files.js';
import { until } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const organization = 'contoso.onmicrosoft.com';
const alice = `alice@${organization}`;
const wait = { prefer: 'wait=30' };
const GIB = 1024 ** 3;

/** As people call their files. */
const awkward = [
  "100% #1 + 'you & me'.txt",
  '\u{1f600} plans.txt',
  'bill\u202egnp.exe.txt',
  'a=b;c,d (1).txt',
  'ä\u0308 \u00e4.txt',
];

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];

beforeAll(async () => {
  neighbours = await startNeighbours();
  control = neighbours.veeam.control;
  const folder = join(neighbours.veeam.filesDir, alice, 'R&D #2 100%');
  await mkdir(folder);
  for (const name of awkward) await writeFile(join(folder, name), `this is ${name}`);
});
afterAll(() => neighbours.close());

/** Troubles that users of VB365's API have had with other portals. Those of sessions and device codes have specs of their own. */
describe.each(dialects)('real-life troubles on $version', ({ version, heldState }) => {
  let gateway: Gateway;
  let alices: Desk;
  let oscar: Desk;

  beforeAll(async () => {
    control.setSyntheticOneDrives(60);
    gateway = await startGateway(neighbours, { environment: { VEEAM_API_VERSION: version } });
    alices = await openDesk('alice', { ...neighbours, gateway });
    oscar = await openDesk('oscar', { ...neighbours, gateway });
  });
  afterAll(async () => {
    await gateway.close();
    control.setBigOneDrive({ bytes: 1_000, documents: 1 });
  });

  beforeEach(async () => {
    control.clearFaults();
    control.clearReceived();
    await emptyFolder(neighbours.veeam.productionDir);
  });

  const oneDriveOf = ({ sid, oneDrives }: Desk, name: string) =>
    `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives[name]}`;
  const named = async ({ caller }: Desk, path: string, name: string) => {
    const { body } = await caller.get(path);
    return body.items.find((item: { name: string }) => item.name === name);
  };

  it('a page of 30: whoever asks for no page size sees more than 30 OneDrives', () => {
    expect(Object.keys(oscar.oneDrives).length).toBeGreaterThan(60);
  });

  it('200 with zero restored: nothing had changed, and that is a success', async () => {
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', nothingRestored: true } });
    const { body } = await alices.caller.post(`${oneDriveOf(alices, 'Alice')}/restore`, {}, wait);
    expect(body).toMatchObject({ state: 'succeeded', outcome: { restored: 0 } });
    expect(body.outcome.skipped).toBe(body.outcome.total);
  });

  it('200 with failures: it is partial, and says what failed', async () => {
    control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 1 } });
    const { body } = await alices.caller.post(`${oneDriveOf(alices, 'Alice')}/restore`, {}, wait);
    expect(body).toMatchObject({ state: 'partially-succeeded', outcome: { failed: 1 } });
    expect(body.outcome.issues[0]).toMatchObject({ severity: 'error', path: expect.any(String) as string });
  });

  it('a folder that comes back in part is not called whole', async () => {
    const folder = await named(alices, `${oneDriveOf(alices, 'Alice')}/items`, 'R&D #2 100%');
    const breaksOff = { kind: 'outcome', breaksOff: 'The proxy went away.', breaksOffAt: 2 } as const;
    control.addFault({ match: { action: 'restore' }, fault: breaksOff });
    const { body } = await alices.caller.post(`${oneDriveOf(alices, 'Alice')}/folders/${folder.id}/restore`, {}, wait);
    // Where the answer comes at the end, a refusal is all of it; elsewhere counts tell how far it came.
    expect(body).toMatchObject(
      heldState === 'submitting'
        ? { state: 'failed', problem: { code: 'upstream-rejected' } }
        : { state: 'partially-succeeded', outcome: { total: awkward.length, restored: 2 } },
    );
  });

  it('a first byte after 8 minutes', async () => {
    const clock = new ManualClock(Date.now());
    const patient = await startGateway(neighbours, {
      clock,
      environment: { VEEAM_API_VERSION: version },
      // A minute at a time passes: more than the database needs to renew the lease of a minute.
      adjust: (configuration) => ({ ...configuration, limits: { ...configuration.limits, leaseMs: 3_600_000 } }),
    });
    try {
      const caller = await Caller.named('alice', { ...neighbours, gateway: patient });
      const hold = control.hold({ action: 'save' }, 'done');
      const answer = caller.fetch('POST', '/api/v1/downloads', JSON.stringify({ organization, user: alice }));
      await hold.reached;
      for (let minutes = 0; minutes < 8; minutes++) await clock.advance(60_000);
      hold.release();
      const response = await answer;
      expect(response.status).toBe(200);
      expect(Object.keys(await digestsInZip(Buffer.from(await response.arrayBuffer()))).length).toBeGreaterThan(5);
    } finally {
      await patient.close();
    }
  });

  it('a hybrid user with two OneDrives: both are shown, and neither is taken for the other', async () => {
    const { body } = await oscar.caller.get(`/api/v1/restore-sessions/${oscar.sid}/onedrives`);
    const hannas = body.items.filter(({ name }: { name: string }) => name === 'Hanna Hybrid');
    expect(hannas).toHaveLength(2);
    const saved = await Promise.all(
      hannas.map(async ({ id }: { id: string }) => {
        const answer = await oscar.caller.post('/api/v1/restores', {
          organization,
          oneDriveId: id,
          action: 'restore',
          dryRun: true,
        });
        return answer.body.oneDrive.id as string;
      }),
    );
    expect(new Set(saved).size).toBe(2);
    expectProblem(
      await oscar.caller.post('/api/v1/downloads', { organization, user: `hanna.hybrid@${organization}` }),
      'validation-failed',
    );
  });

  it('a user who was deleted in production: the OneDrive is in the backup, and a restore says that it cannot be', async () => {
    const laura = { organization, user: `laura.leaver@${organization}` };
    const saved = await oscar.caller.fetch('POST', '/api/v1/downloads', JSON.stringify(laura));
    expect(Object.keys(await digestsInZip(Buffer.from(await saved.arrayBuffer())))).toEqual(['Notes/Note.txt']);
    const { body } = await oscar.caller.post('/api/v1/restores', { ...laura, action: 'restore' }, wait);
    expect(body).toMatchObject({ state: 'failed', problem: { code: expect.any(String) as string } });
  });

  describe.each(awkward)('a file named %j', (name) => {
    it('is listed, found by its path, and comes under a name that is safe', async () => {
      const folder = await named(alices, `${oneDriveOf(alices, 'Alice')}/items`, 'R&D #2 100%');
      const item = await named(alices, `${oneDriveOf(alices, 'Alice')}/items?parentId=${folder.id}`, name);
      expect(item).toMatchObject({ kind: 'document', name });
      const body = JSON.stringify({ organization, user: alice, path: `R&D #2 100%/${name}` });
      const response = await alices.caller.fetch('POST', '/api/v1/downloads', body);
      expect(await response.text()).toBe(`this is ${name}`);
      const disposition = response.headers.get('content-disposition') ?? '';
      expect(disposition).toMatch(/^attachment; filename="[\x20-\x7e]+"; filename\*=UTF-8''[\w!#$&+.^`|~%-]+$/);
      const shown = decodeURIComponent(/filename\*=UTF-8''(.+)$/.exec(disposition)?.[1] ?? '');
      expect(shown).toBe(name.normalize('NFC').replace('\u202e', ''));
    });
  });

  it('a file past 4 GiB: its size is right, and its transfer can be stopped early', async () => {
    control.setBigOneDrive({ bytes: 5 * GIB, documents: 1 });
    const desk = await openDesk('oscar', { ...neighbours, gateway });
    const oneDrive = oneDriveOf(desk, 'Vera Vast');
    const folder = await named(desk, `${oneDrive}/items`, 'Archive');
    const { body } = await desk.caller.get(`${oneDrive}/items?parentId=${folder.id}`);
    expect(body.items).toMatchObject([{ sizeBytes: 5 * GIB }]);
    const leaving = new AbortController();
    const saving = await desk.caller.fetch(
      'POST',
      `${oneDrive}/documents/${body.items[0].id}/save`,
      '{"asZip":false}',
      {},
      leaving.signal,
    );
    expect(saving.headers.get('content-length')).toBe(String(5 * GIB));
    const reader = saving.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    expect(value?.length).toBeGreaterThan(0);
    leaving.abort();
    const id = operationIdOf(saving.headers);
    const operation = await desk.caller.endOf(id);
    expect(operation).toMatchObject({ state: 'failed' });
    expect(operation.bytes).toBeLessThan(5 * GIB);
    await until(() => Promise.resolve(control.saves().every(({ state }) => state !== 'open')));
  });

  if (process.env.TEST_FULL) {
    it('a file past 4 GiB comes whole', async () => {
      control.setBigOneDrive({ bytes: 5 * GIB, documents: 1 });
      const body = JSON.stringify({ organization, user: `vera.vast@${organization}`, asZip: true });
      const saving = await oscar.caller.fetch('POST', '/api/v1/downloads', body);
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const piece of (saving.body ?? []) as AsyncIterable<Uint8Array>) {
        hash.update(piece);
        bytes += piece.length;
      }
      expect(bytes).toBeGreaterThan(5 * GIB);
      const operation = await oscar.caller.operation(operationIdOf(saving.headers));
      expect(operation).toMatchObject({ state: 'succeeded', bytes, sha256: hash.digest('hex') });
    }, 600_000);
  }

  it('an empty OneDrive: nothing to list, nothing to restore, and a ZIP that is one', async () => {
    const oneDrive = oneDriveOf(oscar, 'Emil Empty');
    expect((await oscar.caller.get(`${oneDrive}/items`)).body).toEqual({ items: [] });
    const saved = await oscar.caller.fetch('POST', `${oneDrive}/save`, '{}');
    expect(await digestsInZip(Buffer.from(await saved.arrayBuffer()))).toEqual({});
    const { body } = await oscar.caller.post(`${oneDrive}/restore`, {}, wait);
    expect(body).toMatchObject({ state: 'succeeded', outcome: { total: 0 } });
  });

  it('mail that is not set up: said before anything is sent', async () => {
    control.setEmail('veod', { enableNotification: false });
    control.setEmail('vesp', { enableNotification: false });
    try {
      const mail = { to: alice, subject: 'x', text: 'x' };
      expectProblem(await oscar.caller.post(`${oneDriveOf(oscar, 'Alice')}/send`, mail, wait), 'email-not-set-up');
      expect(actionRequests(control)).toEqual([]);
    } finally {
      control.setEmail('veod', { enableNotification: true });
      control.setEmail('vesp', { enableNotification: true });
    }
  });
});
