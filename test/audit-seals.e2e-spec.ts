import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import {
  type AuditRecord,
  AuditWriter,
  canonicalJson,
  type ChainFault,
  checkArchive,
  ExportedHeads,
  headLine,
  Month,
  readSeals,
  sealMonth,
  verify,
} from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';
import { createLogger } from '@app/logging';
import { Scrubber, Secret } from '@app/secrets';
import { Database } from '@app/store';

import { by } from './support/audited-world.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

jest.setTimeout(60_000);

const DAY = 86_400_000;
const month = Month.of(new Date(new ManualClock().now()));

/** A chain of five, of which the first three were sealed with their month. */
describe('behind a seal', () => {
  let testDatabase: TestDatabase;
  let owner: pg.Client;
  let database: Database;
  let ownerDatabase: Database;
  let folder: string;
  let path: string;
  let writer: AuditWriter;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
    await owner.connect();
    [database, ownerDatabase] = [testDatabase.url, testDatabase.ownerUrl].map(
      (url) => new Database({ url: { current: new Secret(url) }, caFile: undefined }),
    ) as [Database, Database];
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'audit-seals-'));
    path = join(folder, 'archive.ndjson');
    const clock = new ManualClock();
    writer = new AuditWriter({ database, clock, logger: createLogger({ level: 'silent', scrubber: new Scrubber() }) });
    for (const subject of ['first', 'second', 'third']) await writer.append(by(subject));
    await clock.advance(31 * DAY);
    for (const subject of ['fourth', 'fifth']) await writer.append(by(subject));
    await sealMonth(ownerDatabase, { month, path, now: new Date(clock.now()), sinks: [] });
  });
  afterEach(async () => {
    await writer.close();
    await owner.query('truncate audit_records, audit_seals');
    rmSync(folder, { recursive: true });
  });
  afterAll(async () => {
    await Promise.all([database.close(), ownerDatabase.close(), owner.end()]);
    await testDatabase.drop();
  });

  const faults = async () => (await verify(database, { clock: new SystemClock(), heads: [writer.head()] })).faults;

  it.each<[string, string, Omit<ChainFault, 'writer'>]>([
    ['a row that is missing', 'delete from audit_records where seq = 4', { seq: 4, fault: 'missing' }],
    [
      'a row that came back',
      `insert into audit_records select writer, 3, prev, hash, text, gen_random_uuid(), time, action from audit_records where seq = 4`,
      { seq: 3, fault: 'inserted' },
    ],
    ['another hash in the seal', `update audit_seals set hash = repeat('a', 64)`, { seq: 4, fault: 'not-linked' }],
    ['a seal that says less', 'update audit_seals set rows = 2', { seq: 1, fault: 'seal-not-joined' }],
    ['a seal that is gone', 'delete from audit_seals', { seq: 1, fault: 'missing' }],
    ['a chain that is gone', 'delete from audit_records where seq >= 4', { seq: 4, fault: 'tail-missing' }],
  ])('%s is found', async (_, statement, fault) => {
    expect(await faults()).toEqual([]);
    await owner.query(statement);
    expect(await faults()).toEqual([{ writer: writer.head().writer, ...fault }]);
  });

  it.each([
    ['the one of the seal', 3, []],
    ['an earlier one, which only the archive can tell of', 2, []],
  ])('an exported head is compared: %s', async (_, seq, expected) => {
    const line = readFileSync(path, 'utf8').split('\n')[seq - 1] ?? '';
    const { hash } = JSON.parse(line) as { hash: string };
    const heads = [{ writer: writer.head().writer, seq, hash }];
    expect((await verify(database, { clock: new SystemClock(), heads })).faults).toEqual(expected);
  });

  it('an exported head that is another one is found', async () => {
    const heads = [{ writer: writer.head().writer, seq: 3, hash: 'a'.repeat(64) }];
    expect((await verify(database, { clock: new SystemClock(), heads })).faults).toMatchObject([
      { seq: 3, fault: 'not-as-exported' },
    ]);
  });

  const lineOf = (file: string, subject: string) => file.split('\n').find((line) => line.includes(subject)) ?? '';
  const without = (subject: string) => (file: string) => file.replace(`${lineOf(file, subject)}\n`, '');

  it.each<[string, (file: string) => string, Omit<ChainFault, 'writer'>]>([
    ['an edited record', (file) => file.replace('second', 'Second'), { seq: 2, fault: 'changed' }],
    ['a record that is gone', without('second'), { seq: 2, fault: 'missing' }],
    ['a first record that is gone', without('first'), { seq: 1, fault: 'missing' }],
    ['a last record that is gone', without('third'), { seq: 3, fault: 'tail-missing' }],
    ['a record twice', (file) => `${lineOf(file, 'first')}\n${file}`, { seq: 1, fault: 'inserted' }],
    ['a head that is gone', (file) => file.replace(/\{"head".*\n/, ''), { seq: 3, fault: 'not-as-sealed' }],
    ['white space', (file) => `${file}\n`, { seq: 3, fault: 'not-as-sealed' }],
  ])('in the archive %s is found', async (what, forge, fault) => {
    const seals = await database.run(readSeals);
    expect(await checkArchive(path, seals)).toEqual({ rows: 3, seals: 1, faults: [] });
    writeFileSync(path, forge(readFileSync(path, 'utf8')));
    const checking = checkArchive(path, seals);
    if (what === 'white space') await expect(checking).rejects.toThrow('Line 5 of');
    else expect((await checking).faults).toEqual([{ writer: writer.head().writer, ...fault }]);
  });

  /** With another second record and whole hashes, and the hashes of before and after. */
  function rewritten(file: string) {
    const rows = file.split('\n').filter((line) => line.includes('"record"'));
    const original = rows.map((line) => JSON.parse(line) as { hash: string; record: AuditRecord });
    const lines: string[] = [];
    const hashes: string[] = [];
    for (const { record } of original) {
      const prev = hashes.at(-1) ?? '0'.repeat(64);
      const text = canonicalJson(record.seq === 2 ? { ...record, reason: 'a lie' } : record);
      const hash = createHash('sha256').update(`${prev}${text}`).digest('hex');
      hashes.push(hash);
      lines.push(`{"hash":"${hash}","prev":"${prev}","record":${text}}\n`);
    }
    const head = { writer: writer.head().writer, seq: hashes.length, hash: hashes.at(-1) ?? '' };
    return { text: lines.join('') + headLine(head), hash: head.hash, hashesBefore: original.map(({ hash }) => hash) };
  }

  it('in an archive that was written anew before it was sealed, a head from before finds it', async () => {
    const { text, hash, hashesBefore } = rewritten(readFileSync(path, 'utf8'));
    writeFileSync(path, text);
    const digest = createHash('sha256').update(text).digest('hex');
    await owner.query('update audit_seals set hash = $1, digest = $2', [hash, digest]);
    const seals = await database.run(readSeals);
    const { writer: id } = writer.head();
    const withHead = async (seq: number) => {
      const heads = await ExportedHeads.of([{ writer: id, seq, hash: hashesBefore[seq - 1] ?? '' }]);
      return (await checkArchive(path, seals, heads)).faults;
    };

    expect((await checkArchive(path, seals)).faults).toEqual([]);
    expect(await withHead(1)).toEqual([]);
    expect(await withHead(2)).toEqual([{ writer: id, seq: 2, fault: 'not-as-exported' }]);
    expect(await withHead(3)).toEqual([{ writer: id, seq: 3, fault: 'not-as-exported' }]);
  });

  it('the archive of a chain that was never sealed is found', async () => {
    await owner.query('delete from audit_seals');
    expect((await checkArchive(path, await database.run(readSeals))).faults).toMatchObject([
      { seq: 1, fault: 'inserted' },
      { seq: 2, fault: 'inserted' },
      { seq: 3, fault: 'inserted' },
    ]);
  });
});
