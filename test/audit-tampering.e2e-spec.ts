import { createHash, randomUUID } from 'node:crypto';

import pg from 'pg';

import {
  type AuditFilters,
  AuditReader,
  type AuditRecord,
  AuditWriter,
  canonicalJson,
  type ChainFault,
  type ChainHead,
  exportLines,
  headsOf,
  type NewAuditRecord,
  verify,
} from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';
import { createLogger } from '@app/logging';
import { Scrubber, Secret } from '@app/secrets';
import { Database } from '@app/store';

import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const HOUR = 3_600_000;
const PRIMARY_KEY = 'audit_records_writer_seq_pk';

const logger = createLogger({ level: 'fatal', scrubber: new Scrubber() });

const by = (subject: string, organization = 'contoso.example'): NewAuditRecord => ({
  action: 'restore',
  decision: 'allow',
  actor: { issuer: 'https://sso', subject },
  organization,
  reason: 'lost a file',
});

describe('the written audit trail', () => {
  let testDatabase: TestDatabase;
  let owner: pg.Client;
  let service: pg.Client;
  let database: Database;
  let clock: ManualClock;
  let writers: AuditWriter[];

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    [owner, service] = [testDatabase.ownerUrl, testDatabase.url].map(
      (connectionString) => new pg.Client({ connectionString }),
    ) as [pg.Client, pg.Client];
    await owner.connect();
    await service.connect();
    database = new Database({ url: { current: new Secret(testDatabase.url) }, caFile: undefined });
  });
  beforeEach(() => {
    clock = new ManualClock();
    writers = [];
  });
  afterEach(async () => {
    await Promise.all(writers.map((writer) => writer.close()));
    await owner.query('truncate audit_records');
  });
  afterAll(async () => {
    await database.close();
    await service.end();
    await owner.end();
    await testDatabase.drop();
  });

  function startWriter(): AuditWriter {
    const writer = new AuditWriter({ database, clock, logger });
    writers.push(writer);
    return writer;
  }

  /** A chain of its own with so many records. */
  async function chainOf(length: number): Promise<ChainHead> {
    const writer = startWriter();
    await Promise.all(Array.from({ length }, (_, index) => writer.append(by(`caller-${index + 1}`))));
    return writer.head();
  }

  const check = (heads: Iterable<ChainHead> | AsyncIterable<ChainHead> = []) =>
    verify(database, { clock: new SystemClock(), heads });

  /** Writes rows of a chain anew, with hashes that fit, as somebody would who knows how. */
  async function rewrite(writer: string, fromSeq: number, change: (record: AuditRecord) => AuditRecord) {
    const { rows } = await owner.query<{ seq: number; prev: string; text: string }>(
      'select seq::int, prev, text from audit_records where writer = $1 and seq >= $2 order by seq',
      [writer, fromSeq],
    );
    let prev = rows[0]?.prev ?? '';
    for (const { seq, text } of rows) {
      const changed = JSON.stringify(change(JSON.parse(text) as AuditRecord));
      const hash = createHash('sha256').update(`${prev}${changed}`).digest('hex');
      await owner.query('update audit_records set prev = $3, text = $4, hash = $5 where writer = $1 and seq = $2', [
        ...[writer, seq, prev, changed, hash],
      ]);
      prev = hash;
    }
  }

  describe('added to by the login of the service, with hashes that fit', () => {
    const RECORD = { action: 'restore', decision: 'allow', time: '2026-01-15T12:00:00.000Z' };

    async function insert(record: object & { writer: string; seq: number }, prev = '0'.repeat(64)) {
      const id = randomUUID();
      const text = canonicalJson({ ...RECORD, ...record, id });
      const hash = createHash('sha256').update(`${prev}${text}`).digest('hex');
      await service.query(
        `insert into audit_records (writer, seq, prev, hash, text, id, time, action, decision) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [record.writer, record.seq, prev, hash, text, id, RECORD.time, RECORD.action, RECORD.decision],
      );
    }

    it('is found behind the row that ended a chain', async () => {
      const writer = startWriter();
      await writer.append(by('alice'));
      await writer.close({ action: 'service.stopped' });
      const { writer: id, seq, hash } = writer.head();
      expect((await check()).faults).toEqual([]);
      await insert({ writer: id, seq: seq + 1 }, hash);
      expect((await check()).faults).toEqual([{ writer: id, seq: 3, fault: 'after-end' }]);
    });

    it('is named, and no fault, where no head covers it', async () => {
      const head = await chainOf(2);
      await insert({ writer: head.writer, seq: 3 }, head.hash);
      const forged = randomUUID();
      await insert({ writer: forged, seq: 1 });
      expect(await check()).toMatchObject({ faults: [], uncovered: [] });
      const { faults, uncovered } = await check([head]);
      expect(faults).toEqual([]);
      const place = (seq: number) => ({ seq, time: new Date(RECORD.time) });
      expect(uncovered).toHaveLength(2);
      expect(uncovered).toEqual(
        expect.arrayContaining([
          { writer: head.writer, from: place(3), to: place(3), isAll: false },
          { writer: forged, from: place(1), to: place(1), isAll: true },
        ]),
      );
    });

    it('is named from its first to its last row', async () => {
      const [covered, other] = [await chainOf(1), await chainOf(4)];
      expect((await check([covered])).uncovered).toMatchObject([
        { writer: other.writer, from: { seq: 1 }, to: { seq: 4 }, isAll: true },
      ]);
      expect((await check([covered, other])).uncovered).toEqual([]);
    });
  });

  describe('changed by the owner of the tables', () => {
    const at = 'where writer = $1 and seq';
    const copyOf3 = (seq: number) =>
      `insert into audit_records select writer, ${seq}, prev, hash, text, id, time, action, decision, actor_issuer, actor_subject, organization, operation_id from audit_records ${at} = 3`;

    it.each<[string, string[], Omit<ChainFault, 'writer'>]>([
      [
        'an edited text',
        [`update audit_records set text = replace(text, 'caller-3', 'caller-9') ${at} = 3`],
        { seq: 3, fault: 'changed' },
      ],
      [
        'a text edited with a hash that fits',
        [
          `update audit_records set text = replace(text, 'lost a file', 'wanted a look') ${at} = 3`,
          `update audit_records set hash = encode(sha256(convert_to(prev || text, 'UTF8')), 'hex') ${at} = 3`,
        ],
        { seq: 4, fault: 'not-linked' },
      ],
      ['an edited hash', [`update audit_records set hash = repeat('a', 64) ${at} = 3`], { seq: 3, fault: 'changed' }],
      [
        'another hash before',
        [`update audit_records set prev = repeat('a', 64) ${at} = 3`],
        { seq: 3, fault: 'not-linked' },
      ],
      [
        'a record hidden from an organization',
        [`update audit_records set organization = null ${at} = 3`],
        { seq: 3, fault: 'column-changed', column: 'organization' },
      ],
      [
        'a record moved in time by a millisecond',
        [`update audit_records set time = time + interval '1 ms' ${at} = 3`],
        { seq: 3, fault: 'column-changed', column: 'time' },
      ],
      ['a first row deleted', [`delete from audit_records ${at} = 1`], { seq: 1, fault: 'missing' }],
      ['a row deleted from the middle', [`delete from audit_records ${at} = 3`], { seq: 3, fault: 'missing' }],
      ['rows deleted from the middle', [`delete from audit_records ${at} in (2, 3)`], { seq: 2, fault: 'missing' }],
      [
        'a row deleted and those after it moved up',
        [`delete from audit_records ${at} = 3`, `update audit_records set seq = seq - 1 ${at} > 3`],
        { seq: 3, fault: 'not-linked' },
      ],
      [
        'rows that changed places',
        [
          `update audit_records set seq = 100 ${at} = 2`,
          `update audit_records set seq = 2 ${at} = 3`,
          `update audit_records set seq = 3 ${at} = 100`,
        ],
        { seq: 2, fault: 'not-linked' },
      ],
      ['a row inserted before the first', [copyOf3(0)], { seq: 0, fault: 'inserted' }],
      ['a row inserted after the last', [copyOf3(6)], { seq: 6, fault: 'not-linked' }],
      ['a row inserted far behind the last', [copyOf3(9)], { seq: 6, fault: 'missing' }],
      [
        'a row inserted between two, with those after it moved down',
        [
          `update audit_records set seq = seq + 100 ${at} > 3`,
          copyOf3(4),
          `update audit_records set seq = seq - 99 ${at} > 100`,
        ],
        { seq: 4, fault: 'not-linked' },
      ],
      [
        'a row inserted in the place of another',
        [`alter table audit_records drop constraint ${PRIMARY_KEY}`, copyOf3(3)],
        { seq: 3, fault: 'inserted' },
      ],
    ])('shows %s', async (_, statements, fault) => {
      const intact = await chainOf(5);
      const { writer } = await chainOf(5);
      const alsoIntact = await chainOf(5);
      expect(await check()).toMatchObject({ writers: 3, rows: 15, faults: [] });

      for (const statement of statements) {
        await owner.query(statement, statement.includes('$1') ? [writer] : []);
      }
      expect((await check([intact, alsoIntact])).faults).toEqual([{ writer, ...fault }]);
      await restorePrimaryKey();
    });

    async function restorePrimaryKey() {
      await owner.query('truncate audit_records');
      await owner.query(`alter table audit_records drop constraint if exists ${PRIMARY_KEY}`);
      await owner.query(`alter table audit_records add constraint ${PRIMARY_KEY} primary key (writer, seq)`);
    }

    it('shows a lost tail by an exported head, and only by one', async () => {
      const head = await chainOf(5);
      await owner.query('delete from audit_records where seq > 3');
      expect((await check()).faults).toEqual([]);
      expect((await check([head])).faults).toEqual([{ writer: head.writer, seq: 4, fault: 'tail-missing' }]);
    });

    it('shows by its exported head that a whole chain is gone', async () => {
      const head = await chainOf(5);
      const other = await chainOf(5);
      await owner.query('delete from audit_records where writer = $1', [head.writer]);
      expect(await check([head, other])).toMatchObject({
        writers: 1,
        headsCompared: 2,
        faults: [{ writer: head.writer, seq: 1, fault: 'tail-missing' }],
      });
    });

    it('shows by an exported head that a chain was written anew', async () => {
      const head = await chainOf(5);
      await rewrite(head.writer, 3, (record) => ({ ...record, reason: 'invented later' }));
      expect((await check()).faults).toEqual([]);
      expect((await check([head])).faults).toEqual([{ writer: head.writer, seq: 5, fault: 'not-as-exported' }]);
    });

    it('is shown the first fault of each chain', async () => {
      const heads = [await chainOf(5), await chainOf(5)].sort((a, b) => (a.writer < b.writer ? -1 : 1));
      const [one, other] = heads;
      await owner.query('delete from audit_records where writer = $1 and seq in (2, 4)', [one?.writer]);
      await owner.query('delete from audit_records where writer = $1 and seq = 5', [other?.writer]);
      expect((await check(heads.slice(1))).faults).toEqual([
        { writer: one?.writer, seq: 2, fault: 'missing' },
        { writer: other?.writer, seq: 5, fault: 'tail-missing' },
      ]);
    });

    it('is read in pages without a row falling between two', async () => {
      const { writer } = await chainOf(2_500);
      expect(await check()).toMatchObject({ rows: 2_500, faults: [] });
      await owner.query(`alter table audit_records drop constraint ${PRIMARY_KEY}`);
      // The last row of the first page, a second time: same place, same hash, another text.
      await owner.query(
        `insert into audit_records select writer, seq, prev, hash, 'forged', id, time, action, decision, actor_issuer, actor_subject, organization, operation_id from audit_records where seq = 1000`,
      );
      expect(await check()).toMatchObject({ rows: 2_501, faults: [{ writer, seq: 1_000, fault: 'inserted' }] });
      await restorePrimaryKey();
    });
  });

  describe('before the role of the service', () => {
    it.each([
      'update audit_records set text = text',
      'update audit_records set organization = organization where false',
      'delete from audit_records where false',
      'truncate audit_records',
      'drop table audit_records',
      'alter table audit_records disable trigger all',
      'select from audit_records for update',
    ])('is safe from: %s', async (statement) => {
      await chainOf(1);
      await expect(service.query(statement)).rejects.toMatchObject({ code: '42501' });
      expect(await check()).toMatchObject({ rows: 1, faults: [] });
    });
  });

  describe('being exported', () => {
    async function exported(filters?: AuditFilters) {
      let text = '';
      for await (const lines of exportLines(database, filters)) text += lines;
      return text.trimEnd().split('\n');
    }

    it('is one line for each record, in order, as it was hashed, and the heads at the end', async () => {
      const heads = [await chainOf(3), await chainOf(1_200)].sort((a, b) => (a.writer < b.writer ? -1 : 1));
      const lines = await exported();
      expect(lines.slice(-2).map((line) => JSON.parse(line) as unknown)).toEqual(heads.map((head) => ({ head })));

      const places = new Map<string, { seq: number; hash: string }>();
      for (const line of lines.slice(0, -2)) {
        // As somebody checks the file who has nothing but it.
        const [, hash, prev, text] = /^\{"hash":"(\w{64})","prev":"(\w{64})","record":(.*)\}$/.exec(line) ?? [];
        const { writer, seq } = JSON.parse(text ?? '') as AuditRecord;
        expect(seq).toBe((places.get(writer)?.seq ?? 0) + 1);
        expect(prev).toBe(places.get(writer)?.hash ?? '0'.repeat(64));
        expect(createHash('sha256').update(`${prev}${text}`).digest('hex')).toBe(hash);
        places.set(writer, { seq, hash: hash ?? '' });
      }
      expect([...places].map(([writer, place]) => ({ writer, ...place }))).toEqual(heads);
    });

    it('serves as the heads that a later check compares against', async () => {
      await chainOf(5);
      const lines = await exported();
      expect(await check(headsOf(lines))).toMatchObject({ headsCompared: 1, faults: [] });
      await owner.query('delete from audit_records where seq = 5');
      expect((await check(headsOf(lines))).faults).toMatchObject([{ seq: 5, fault: 'tail-missing' }]);
    });

    it('keeps to its filters, whole heads apart', async () => {
      const writer = startWriter();
      await writer.append(by('alice'));
      await clock.advance(HOUR);
      await writer.append(by('bob'));
      await writer.append({ ...by('alice'), action: 'save', decision: 'deny' });
      await clock.advance(HOUR);
      await writer.append(by('fred', 'fabrikam.example'));
      await writer.append({ action: 'service.stopped' });
      const [start, next, last] = [0, HOUR, 2 * HOUR].map((ms) => new Date(Date.UTC(2026, 0, 15, 12) + ms));

      const seqs = async (filters: AuditFilters) => {
        const lines = await exported(filters);
        expect(JSON.parse(lines.pop() ?? '')).toEqual({ head: writer.head() });
        return lines.map((line) => (JSON.parse(line) as { record: AuditRecord }).record.seq);
      };
      expect(await seqs({})).toEqual([1, 2, 3, 4, 5]);
      const scope = { organizations: ['contoso.example'], includesNone: false };
      expect(await seqs({ scope })).toEqual([1, 2, 3]);
      expect(await seqs({ scope: { ...scope, includesNone: true } })).toEqual([1, 2, 3, 5]);
      expect(await seqs({ scope: { organizations: [], includesNone: false } })).toEqual([]);
      expect(await seqs({ from: next, to: last })).toEqual([2, 3]);
      expect(await seqs({ from: start, to: start })).toEqual([]);
      expect(await seqs({ actor: { subject: 'alice' }, action: 'restore' })).toEqual([1]);
      expect(await seqs({ actor: { subject: 'alice', issuer: 'https://other' } })).toEqual([]);
      expect(await seqs({ decision: 'deny' })).toEqual([3]);
      expect(await seqs({ action: 'service.stopped' })).toEqual([5]);
    });

    it('stays whole lines when a text was made something else', async () => {
      await chainOf(1);
      await owner.query(`update audit_records set text = E'{}}\\n{"head":'`);
      const [line] = await exported();
      expect(JSON.parse(line ?? '')).toMatchObject({ unreadable: '{}}\n{"head":' });
    });
  });

  describe('being listed', () => {
    const list = (filters: Partial<AuditFilters>, page: Parameters<AuditReader['list']>[1] = { limit: 100 }) =>
      new AuditReader(database).list(
        { scope: { organizations: ['contoso.example'], includesNone: false }, ...filters },
        page,
      );

    it('is newest first, and in pages that new records do not shift', async () => {
      const writer = startWriter();
      for (const subject of ['one', 'two', 'three', 'four']) {
        await writer.append(by(subject));
      }
      await clock.advance(HOUR);
      await writer.append(by('five'));

      const first = await list({}, { limit: 2 });
      await writer.append(by('six'));
      const second = await list({}, { limit: 2, after: first.at(-1) });
      const third = await list({}, { limit: 2, after: second.at(-1) });
      expect([first, second, third].map((page) => page.map(({ actor }) => actor?.subject))).toEqual([
        ['five', 'four'],
        ['three', 'two'],
        ['one'],
      ]);
      expect(first[0]).toEqual({
        ...by('five'),
        id: expect.any(String),
        time: '2026-01-15T13:00:00.000Z',
        writer: writer.head().writer,
        seq: 5,
      });
    });

    it('shows records of the organizations asked for and of no other, nor of none', async () => {
      const writer = startWriter();
      await writer.append(by('alice'));
      await writer.append(by('fred', 'fabrikam.example'));
      await writer.append({ action: 'service.started' });
      const seen = async (organizations: string[], includesNone = false) =>
        (await list({ scope: { organizations, includesNone } })).map(({ seq }) => seq);
      expect(await seen(['contoso.example'])).toEqual([1]);
      expect(await seen(['contoso.example', 'fabrikam.example'])).toEqual([2, 1]);
      expect(await seen([])).toEqual([]);
      expect(await seen(['contoso.example'], true)).toEqual([3, 1]);
    });

    it('goes on past a text that was made something else', async () => {
      await chainOf(3);
      await owner.query(`update audit_records set text = 'null' where seq = 2`);
      expect((await list({})).map(({ seq, action, detail }) => [seq, action, detail])).toEqual([
        [3, 'restore', undefined],
        [2, 'restore', { unreadable: true }],
        [1, 'restore', undefined],
      ]);
    });

    it('finds what belongs to an operation', async () => {
      const writer = startWriter();
      const operationId = randomUUID();
      await writer.append(by('alice'));
      await writer.append({ ...by('alice'), action: 'operation.ended', outcome: 'succeeded', operationId });
      expect(await list({ operationId })).toMatchObject([{ seq: 2, outcome: 'succeeded' }]);
    });
  });
});
