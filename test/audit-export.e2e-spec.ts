import { createHash } from 'node:crypto';
import { once } from 'node:events';

import { type AuditRecord, headsOf, verify } from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';

import { type AuditedWorld, by, contoso, fabrikam, startAuditedWorld } from './support/audited-world.js';
import { expectProblem } from './support/caller.js';
import { rawAnswer, rawRequest } from './support/raw-caller.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const route = '/api/v1/audit-records';

describe('the export of audit records', () => {
  let world: AuditedWorld;
  let clock: ManualClock;

  beforeAll(async () => {
    world = await startAuditedWorld();
  });
  beforeEach(async () => {
    clock = new ManualClock();
    await world.clear();
  });
  afterAll(() => world.close());

  const linesOf = (text: string) => text.trimEnd().split('\n');

  it('is NDJSON that can be checked against the whole trail', async () => {
    const writer = world.startWriter(clock);
    await writer.append(by('alice'));
    await writer.append(by('fred', fabrikam));
    await writer.append(by('alice'));
    const { status, headers, body } = await world.oscar.get(`${route}/export`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-request-id')).toMatch(/./);

    const lines = linesOf(body as string);
    const records = lines.filter((line) => line.includes('"record":'));
    expect(body).not.toContain('fred');
    for (const line of records) {
      const [, hash, prev, text] = /^\{"hash":"(\w{64})","prev":"(\w{64})","record":(.*)\}$/.exec(line) ?? [];
      expect(createHash('sha256').update(`${prev}${text}`).digest('hex')).toBe(hash);
      const { rows } = await world.owner.query(
        'select from audit_records where hash = $1 and prev = $2 and text = $3',
        [...[hash, prev, text]],
      );
      expect(rows).toHaveLength(1);
    }
    expect(records.map((line) => (JSON.parse(line) as { record: AuditRecord }).record.action).sort()).toEqual([
      'readAuditRecords',
      'restore',
      'restore',
    ]);
    // The heads are of whole chains, whatever was exported of them.
    const verified = await verify(world.database, { clock: new SystemClock(), heads: headsOf(lines) });
    expect(verified).toMatchObject({ headsCompared: 2 });
    // The gateway's own chain lost its beginning to the clean-up of this spec.
    expect(verified.faults.filter((fault) => fault.writer === writer.head().writer)).toEqual([]);
    expect(await world.readings()).toMatchObject([{ detail: { reading: 'export', organizations: [contoso] } }]);
  });

  it('keeps to its filters', async () => {
    const writer = world.startWriter(clock);
    await writer.append(by('alice'));
    await writer.append(by('bob'));
    const { body } = await world.audrey.get(`${route}/export?actor=bob&organization=${contoso}`);
    const records = linesOf(body as string).flatMap(
      (line) => (JSON.parse(line) as { record?: AuditRecord }).record ?? [],
    );
    expect(records.map(({ actor }) => actor?.subject)).toEqual(['bob']);
  });

  it('that breaks in the middle never looks whole', async () => {
    await world.fill(20_000);
    const socket = await rawRequest(world.gateway.url, {
      method: 'GET',
      path: `${route}/export`,
      token: world.audrey.token,
    });
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    await once(socket, 'readable');
    world.proxy.goDown();
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    world.proxy.comeBack();
    const text = Buffer.concat(chunks).toString('latin1');
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(text).not.toContain('"head"');
  });

  it('is refused to whom could not tell a cut from the end', async () => {
    const { status } = await rawAnswer(world.gateway.url, {
      ...{ method: 'GET', path: `${route}/export`, token: world.audrey.token, httpVersion: '1.0' },
    });
    expect(status).toBe(505);
  });

  it('is read as fast as the caller takes it, and no further once the caller has left', async () => {
    await world.fill(40_000);
    const { rows } = await world.owner.query<{ bytes: string }>('select sum(length(text)) bytes from audit_records');
    const whole = Number(rows[0]?.bytes);
    const before = world.proxy.bytesFromDatabase;
    const requests = await Promise.all(
      [1, 2].map(() =>
        rawRequest(world.gateway.url, { method: 'GET', path: `${route}/export`, token: world.audrey.token }),
      ),
    );
    await Promise.all(requests.map((socket) => once(socket, 'readable')));
    expectProblem(await world.audrey.get(`${route}/export`), 'too-many-downloads');
    requests.forEach((socket) => socket.destroy());
    await until(
      () => world.gateway.log().filter((line) => line.includes('export of the audit trail broke off')).length >= 2,
    );
    expect(world.proxy.bytesFromDatabase - before).toBeLessThan(whole);
    expect((await world.audrey.get(`${route}/export?actor=caller-3`)).status).toBe(200);
  });
});
