import { sql } from 'drizzle-orm';
import pg from 'pg';

import { AuditWriter, type ChainHead, headsOf, type NewAuditRecord, verify } from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';
import { createLogger } from '@app/logging';
import { Scrubber, Secret } from '@app/secrets';
import { Database, type Orm, UniqueViolation } from '@app/store';

import { DatabaseProxy } from './support/database-proxy.js';
import { waitingFor } from './support/locks.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';
import { until } from './support/until.js';

const MINUTE = 60_000;

const restored: NewAuditRecord = {
  action: 'restore',
  decision: 'allow',
  actor: { issuer: 'https://sso', subject: 'alice', name: 'Alïce 😀' },
  organization: 'contoso.example',
};

const keepServer = (url: string, apiVersion: string) => (orm: Orm) =>
  orm
    .execute(sql`insert into upstream_servers (url, api_version, detected_at) values (${url}, ${apiVersion}, now())`)
    .then(() => true);

describe('the audit trail', () => {
  let testDatabase: TestDatabase;
  let proxy: DatabaseProxy;
  let owner: pg.Client;
  let database: Database;
  let clock: ManualClock;
  let log: string[];
  let writers: AuditWriter[];

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    proxy = await DatabaseProxy.start(testDatabase.url);
    owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
    await owner.connect();
    database = new Database({ url: { current: new Secret(proxy.url) }, caFile: undefined });
  });
  beforeEach(() => {
    clock = new ManualClock();
    log = [];
    writers = [];
  });
  afterEach(async () => {
    await Promise.all(writers.map((writer) => writer.close()));
    await owner.query('truncate audit_records, upstream_servers');
  });
  afterAll(async () => {
    await database.close();
    await owner.end();
    await proxy.close();
    await testDatabase.drop();
  });

  function startWriter(): AuditWriter {
    const logger = createLogger({
      level: 'info',
      scrubber: new Scrubber(),
      destination: { write: (line) => void log.push(line) },
    });
    const writer = new AuditWriter({ database, clock, logger });
    writers.push(writer);
    return writer;
  }

  async function rowsOf(writer: AuditWriter) {
    const { rows } = await owner.query<{ seq: number; text: string }>(
      'select seq::int, text from audit_records where writer = $1 order by seq',
      [writer.head().writer],
    );
    return rows.map(({ seq, text }) => ({ seq, record: JSON.parse(text) as NewAuditRecord }));
  }

  async function outcomesOf(writer: AuditWriter) {
    return (await rowsOf(writer)).map(({ record }) => record.outcome);
  }

  const check = (heads: Iterable<ChainHead> = []) => verify(database, { clock: new SystemClock(), heads });

  it('ends with what it is closed with, whatever is asked for meanwhile', async () => {
    const writer = startWriter();
    const before = writer.append({ ...restored, outcome: 'before' });
    const closing = writer.close({ action: 'service.stopped', outcome: 'last' });
    await expect(writer.append({ ...restored, outcome: 'behind' })).rejects.toThrow('closed');
    await Promise.all([before, closing]);
    expect(await outcomesOf(writer)).toEqual(['before', 'last']);
    expect(log.map((line) => (JSON.parse(line) as { head: ChainHead }).head)).toEqual([writer.head()]);
  });

  it('holds what was said, when, by which process and in which order', async () => {
    const writer = startWriter();
    await expect(writer.append(restored)).resolves.toBe('recorded');
    await clock.advance(1_500);
    await writer.append({ action: 'service.stopped' });

    const { writer: id } = writer.head();
    expect(await rowsOf(writer)).toEqual([
      {
        seq: 1,
        record: { ...restored, id: expect.any(String), time: '2026-01-15T12:00:00.000Z', writer: id, seq: 1 },
      },
      {
        seq: 2,
        record: {
          action: 'service.stopped',
          id: expect.any(String),
          time: '2026-01-15T12:00:01.500Z',
          writer: id,
          seq: 2,
        },
      },
    ]);
    expect(await check()).toMatchObject({ writers: 1, rows: 2, faults: [] });
  });

  it('takes several records together, or none of them', async () => {
    const writer = startWriter();
    const both = [
      { ...restored, outcome: 'first' },
      { ...restored, outcome: 'second' },
    ];
    await expect(writer.append(both, () => Promise.resolve(false))).resolves.toBe('dropped');
    await Promise.all([writer.append({ ...restored, outcome: 'before' }), writer.append(both)]);
    expect(await outcomesOf(writer)).toEqual(['before', 'first', 'second']);
    expect(await check()).toMatchObject({ rows: 3, faults: [] });
  });

  it('keeps a chain for each writer, with any number of them at once', async () => {
    const [one, other] = [startWriter(), startWriter()];
    const appended = Array.from({ length: 300 }, (_, index) => (index % 3 ? one : other).append(restored));
    await Promise.all(appended);
    expect([one.head().seq, other.head().seq]).toEqual([200, 100]);
    expect(await check([one.head(), other.head()])).toMatchObject({
      writers: 2,
      rows: 300,
      headsCompared: 2,
      faults: [],
    });
  });

  it('writes what waits in one transaction, in the order it came', async () => {
    const writer = startWriter();
    const outcomes = Array.from({ length: 200 }, (_, index) => String(index));
    await Promise.all(outcomes.map((outcome) => writer.append({ ...restored, outcome })));
    const { rows } = await owner.query('select distinct xmin::text from audit_records');
    // The first goes at once, alone; the others wait for it.
    expect(rows).toHaveLength(2);
    expect(await outcomesOf(writer)).toEqual(outcomes);
  });

  it('writes more than a batch holds', async () => {
    const writer = startWriter();
    await Promise.all(Array.from({ length: 2_500 }, () => writer.append(restored)));
    expect(await check([writer.head()])).toMatchObject({ rows: 2_500, faults: [] });
  });

  it('drops the record whose update was refused, with all that update wrote, and no other', async () => {
    const writer = startWriter();
    const results = await Promise.all([
      writer.append({ ...restored, outcome: 'first' }),
      writer.append({ ...restored, outcome: 'kept' }, keepServer('https://kept', 'v5')),
      writer.append({ ...restored, outcome: 'refused' }, async (orm) => {
        await keepServer('https://refused', 'v5')(orm);
        return false;
      }),
      writer.append({ ...restored, outcome: 'last' }),
    ]);
    expect(results).toEqual(['recorded', 'recorded', 'dropped', 'recorded']);
    expect(await outcomesOf(writer)).toEqual(['first', 'kept', 'last']);
    expect((await owner.query('select url from upstream_servers')).rows).toEqual([{ url: 'https://kept' }]);
    expect(await check([writer.head()])).toMatchObject({ rows: 3, faults: [] });
  });

  it('goes on after a batch of which nothing was left', async () => {
    const writer = startWriter();
    await expect(writer.append(restored, () => Promise.resolve(false))).resolves.toBe('dropped');
    expect(writer.head().seq).toBe(0);
    await writer.append(restored);
    expect(await check([writer.head()])).toMatchObject({ rows: 1, faults: [] });
  });

  it('tells the one whose update broke a unique index, and no other', async () => {
    const writer = startWriter();
    const results = await Promise.allSettled([
      writer.append({ ...restored, outcome: 'first' }, keepServer('https://one', 'v5')),
      writer.append({ ...restored, outcome: 'second' }, keepServer('https://one', 'v6')),
      writer.append({ ...restored, outcome: 'third' }, keepServer('https://two', 'v5')),
      writer.append({ ...restored, outcome: 'fourth' }),
    ]);
    expect(results).toEqual([
      { status: 'fulfilled', value: 'recorded' },
      { status: 'rejected', reason: new UniqueViolation('upstream_servers_pkey') },
      { status: 'fulfilled', value: 'recorded' },
      { status: 'fulfilled', value: 'recorded' },
    ]);
    expect(await outcomesOf(writer)).toEqual(['first', 'third', 'fourth']);
    // The batch went on as one.
    expect((await owner.query('select distinct xmin::text from audit_records')).rows).toHaveLength(2);
    expect(await check([writer.head()])).toMatchObject({ faults: [] });
  });

  it('lets nobody pay for a record that the database cannot take', async () => {
    const writer = startWriter();
    const results = await Promise.allSettled([
      writer.append({ ...restored, outcome: 'first' }),
      writer.append({ ...restored, outcome: 'second' }, keepServer('https://one', 'v5')),
      writer.append({ ...restored, organization: 'a\0b' }),
      writer.append({ ...restored, outcome: 'third' }, () => Promise.reject(new Error('our own bug'))),
      writer.append({ ...restored, outcome: 'fourth' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(results[2]).toMatchObject({ reason: { code: 'internal-error' } });
    expect(results[3]).toMatchObject({ reason: { message: 'our own bug' } });
    expect(await outcomesOf(writer)).toEqual(['first', 'second', 'fourth']);
    expect(await check([writer.head()])).toMatchObject({ faults: [] });
  });

  it('refuses what has no canonical text', async () => {
    const writer = startWriter();
    await expect(writer.append({ ...restored, reason: 'a\ud83d' })).rejects.toMatchObject({ code: 'internal-error' });
    expect(writer.head().seq).toBe(0);
  });

  it('tells everybody who waits that the store is down, and goes on without a gap when it is back', async () => {
    const writer = startWriter();
    await writer.append({ ...restored, outcome: 'before' });
    const head = writer.head();
    proxy.goDown();
    const results = await Promise.allSettled([
      writer.append({ ...restored, outcome: 'lost' }, keepServer('https://lost', 'v5')),
      ...Array.from({ length: 20 }, () => writer.append({ ...restored, outcome: 'lost' })),
    ]);
    proxy.comeBack();
    results.forEach((result) => {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store-unavailable' } });
    });
    expect(writer.head()).toEqual(head);
    await writer.append({ ...restored, outcome: 'after' });
    expect(await outcomesOf(writer)).toEqual(['before', 'after']);
    expect((await owner.query('select from upstream_servers')).rowCount).toBe(0);
    expect(await check([head, writer.head()])).toMatchObject({ rows: 2, faults: [] });
  });

  it('goes on behind records whose commit happened without its answer', async () => {
    const writer = startWriter();
    await writer.append({ ...restored, outcome: 'before' });
    proxy.loseNextAnswerToCommit();
    await expect(writer.append({ ...restored, outcome: 'unconfirmed' })).rejects.toMatchObject({
      code: 'store-unavailable',
    });
    await writer.append({ ...restored, outcome: 'after' });
    expect(await outcomesOf(writer)).toEqual(['before', 'unconfirmed', 'after']);
    expect(await check([writer.head()])).toMatchObject({ rows: 3, faults: [] });
  });

  it('survives a deadlock with another transaction', async () => {
    const writer = startWriter();
    await database.run(keepServer('https://a', 'v5'));
    await database.run(keepServer('https://b', 'v5'));
    const touch = (url: string) => async (orm: Orm) => {
      await orm.execute(sql`update upstream_servers set api_version = 'v6' where url = ${url}`);
      return true;
    };
    await owner.query('begin');
    await owner.query(`update upstream_servers set api_version = 'v7' where url = 'https://b'`);
    const appended = Promise.all([
      writer.append(restored),
      writer.append(restored, touch('https://a')),
      writer.append(restored, touch('https://b')),
    ]);
    await until(async () => (await waitingFor(owner)) === 1);
    await owner.query(`update upstream_servers set api_version = 'v7' where url = 'https://a'`).catch(() => undefined);
    await owner.query('commit');
    await expect(appended).resolves.toEqual(['recorded', 'recorded', 'recorded']);
    expect(await check([writer.head()])).toMatchObject({ rows: 3, faults: [] });
  });

  it('says every minute in the log where the chain ends, and once more at its end', async () => {
    const writer = startWriter();
    await clock.advance(MINUTE);
    await writer.append(restored);
    const first = writer.head();
    await clock.advance(MINUTE);
    await writer.append(restored);
    await writer.close();
    await clock.advance(10 * MINUTE);

    expect(log.map((line) => JSON.parse(line) as unknown)).toEqual(
      [first, writer.head()].map((head) => expect.objectContaining({ level: 'info', msg: 'audit head', head })),
    );
    const heads = [];
    for await (const head of headsOf(log)) heads.push(head);
    expect(heads).toEqual([first, writer.head()]);
    expect(await check(heads)).toMatchObject({ headsCompared: 2, faults: [] });
  });

  it('writes what waits before it closes, and nothing afterwards', async () => {
    const writer = startWriter();
    const appended = Array.from({ length: 10 }, () => writer.append(restored));
    await writer.close();
    expect(writer.head().seq).toBe(10);
    await Promise.all(appended);
    await expect(writer.append(restored)).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await check([writer.head()])).toMatchObject({ rows: 10, faults: [] });
  });
});
