import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { type AuditRecord, AuditWriter, Month, verify } from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';
import { createLogger } from '@app/logging';
import { Scrubber, Secret } from '@app/secrets';
import { Database } from '@app/store';

import { AuditCli } from './support/audit-cli.js';
import { by } from './support/audited-world.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { isAdvisoryLockHeld, waitingFor } from './support/locks.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';
import { until } from './support/until.js';

jest.setTimeout(120_000);

const KEPT_MONTHS = 2;
const DAY = 86_400_000;

/** The middle of a month; 0 is the current one. */
function monthsAgo(months: number): number {
  const now = new Date();
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 15);
}
const nameOf = (months: number) => Month.of(new Date(monthsAgo(months))).toString();
const [older, old, kept] = [4, 3, 2].map(nameOf) as [string, string, string];

describe('a month of the audit trail', () => {
  let testDatabase: TestDatabase;
  let owner: pg.Client;
  let service: pg.Client;
  let database: Database;
  let folder: string;
  let cli: AuditCli;
  let writers: AuditWriter[];

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    [owner, service] = [testDatabase.ownerUrl, testDatabase.url].map(
      (connectionString) => new pg.Client({ connectionString }),
    ) as [pg.Client, pg.Client];
    await Promise.all([owner.connect(), service.connect()]);
    database = new Database({ url: { current: new Secret(testDatabase.url) }, caFile: undefined });
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'audit-retention-'));
    cli = new AuditCli(folder, testDatabase, { audit: { retention: { months: KEPT_MONTHS } } });
    writers = [];
  });
  afterEach(async () => {
    await Promise.all(writers.map((writer) => writer.close()));
    await owner.query('truncate audit_records, audit_seals');
    rmSync(folder, { recursive: true });
  });
  afterAll(async () => {
    await database.close();
    await Promise.all([service.end(), owner.end()]);
    await testDatabase.drop();
  });

  function startWriter(clock: ManualClock): AuditWriter {
    const logger = createLogger({ level: 'silent', scrubber: new Scrubber() });
    const writer = new AuditWriter({ database, clock, logger });
    writers.push(writer);
    return writer;
  }

  /** A chain with so many records in each of the months, which are given by their age, oldest first. */
  async function chainOver(...months: readonly (readonly [age: number, records: number])[]): Promise<AuditWriter> {
    const clock = new ManualClock(monthsAgo(months[0]?.[0] ?? 0));
    const writer = startWriter(clock);
    for (const [age, records] of months) {
      await clock.advance(Math.max(0, monthsAgo(age) - clock.now()));
      for (let index = 0; index < records; index++) await writer.append(by(`${nameOf(age)}#${index}`));
    }
    return writer;
  }

  const at = (name: string) => join(folder, name);
  const check = () => verify(database, { clock: new SystemClock() });
  const seal = (month: string, out: string, ...more: string[]) =>
    cli.run(['seal', '--month', month, '--out', out, ...more]);

  async function subjects(writer: AuditWriter): Promise<(string | undefined)[]> {
    const { rows } = await owner.query<{ text: string }>(
      'select text from audit_records where writer = $1 order by seq',
      [writer.head().writer],
    );
    return rows.map(({ text }) => (JSON.parse(text) as AuditRecord).actor?.subject);
  }

  const sealsOf = async (writer: AuditWriter) =>
    (
      await owner.query(
        'select month, seq::int, hash, rows::int, digest from audit_seals where writer = $1 order by seq',
        [writer.head().writer],
      )
    ).rows;

  it('is in a file, is no longer in the trail, and the trail is whole', async () => {
    const writer = await chainOver([3, 3], [2, 2]);
    const another = await chainOver([3, 1]);
    const { stdout, stderr, code } = await seal(old, 'archive.ndjson');
    expect(stderr).toBe('');
    const file = readFileSync(at('archive.ndjson'), 'utf8');
    const digest = createHash('sha256').update(file).digest('hex');
    expect(stdout).toMatch(/6 rows of 2 chains,.*\nThe trail is whole\.\n/);
    expect(stdout).toContain(`4 rows of 2 chains are in archive.ndjson now (SHA-256 ${digest}), and sealed.\n`);
    expect(code).toBe(0);
    expect(statSync(at('archive.ndjson')).mode & 0o777).toBe(0o600);

    const lines = file.trimEnd().split('\n');
    const records = lines.flatMap((line) => (JSON.parse(line) as { record?: AuditRecord }).record ?? []);
    expect(records).toHaveLength(4);
    expect(await subjects(writer)).toEqual([`${kept}#0`, `${kept}#1`]);
    expect(await subjects(another)).toEqual([]);
    const hash = /"hash":"(\w+)"/.exec(lines.findLast((line) => line.includes(`${old}#2`)) ?? '')?.[1];
    expect(await sealsOf(writer)).toEqual([{ month: old, seq: 3, hash, rows: 3, digest }]);
    expect(await check()).toMatchObject({ seals: 2, faults: [] });

    const verified = await cli.run(['verify', '--archive', 'archive.ndjson', '--heads', 'archive.ndjson']);
    expect(verified.stdout).toMatch(
      /^archive\.ndjson: 4 rows with 2 seals, as they were sealed\.\n(Chain .* are covered by no head\. .*\n){2}3 rows of 2 chains,.* 2 exported heads\.\nWhat lies before 2 seals is in their archives; --archive checks those\.\nThe trail is whole\.\n$/,
    );
    expect(verified.code).toBe(0);
  });

  it('is itself on the trail', async () => {
    await chainOver([3, 2]);
    await seal(old, 'archive.ndjson');
    const { rows } = await owner.query<{ text: string }>('select text from audit_records');
    const digest = createHash('sha256')
      .update(readFileSync(at('archive.ndjson')))
      .digest('hex');
    expect(rows.map(({ text }) => JSON.parse(text) as AuditRecord)).toMatchObject([
      { action: 'audit.sealed', seq: 1, detail: { month: old, rows: 2, digest } },
    ]);
  });

  it('is followed by the next', async () => {
    const writer = await chainOver([4, 2], [3, 2], [2, 1]);
    expect(await seal(older, 'one.ndjson')).toMatchObject({ code: 0 });
    expect(await seal(old, 'two.ndjson')).toMatchObject({ code: 0 });
    expect(await sealsOf(writer)).toMatchObject([
      { month: older, seq: 2, rows: 2 },
      { month: old, seq: 4, rows: 2 },
    ]);
    const { stdout, code } = await cli.run(['verify', '--archive', 'one.ndjson', '--archive', 'two.ndjson']);
    expect(stdout).toMatch(/^one\.ndjson: 2 rows with 1 seals, as.*\ntwo\.ndjson: 2 rows with 1 seals, as/);
    expect(code).toBe(0);
  });

  it('is sealed once', async () => {
    await chainOver([3, 2]);
    await seal(old, 'archive.ndjson');
    const before = readFileSync(at('archive.ndjson'));
    const { stdout, code } = await seal(old, 'archive.ndjson');
    expect(stdout).toContain(`Of ${old} there is nothing left to seal.\n`);
    expect(code).toBe(0);
    expect(readFileSync(at('archive.ndjson'))).toEqual(before);
  });

  it('does not confuse a process that goes on when nothing of its chain is left', async () => {
    const writer = await chainOver([3, 2]);
    await seal(old, 'archive.ndjson');
    // After a failure it asks the database where it was.
    await expect(writer.append(by('a\0b'))).rejects.toMatchObject({ code: 'internal-error' });
    await writer.append(by('later'));
    expect(writer.head().seq).toBe(3);
    expect(await check()).toMatchObject({ faults: [] });
  });

  it('takes a chain from its beginning only, whatever its clock did', async () => {
    const clock = new ManualClock(monthsAgo(3));
    const writer = startWriter(clock);
    await writer.append(by('first'));
    await clock.advance(monthsAgo(2) - clock.now());
    await writer.append(by('next month'));
    Object.assign(clock, { time: monthsAgo(3) + DAY });
    await writer.append(by('set back'));
    await seal(old, 'archive.ndjson');
    expect(await subjects(writer)).toEqual(['next month', 'set back']);
    expect(await check()).toMatchObject({ faults: [] });
  });

  describe('is refused', () => {
    it.each([
      ['while it is not over', nameOf(0), `${nameOf(0)} is not over yet.`],
      ['in the future', nameOf(-1), `${nameOf(-1)} is not over yet.`],
      ['while it is to be kept', nameOf(1), `keeps the last ${KEPT_MONTHS} months; ${nameOf(1)} is`],
      ['before an earlier one', old, `There are records of ${older}: seal that month first.`],
      ['when it is none', '2026-13', '--month is such as 2026-09.'],
    ])('%s', async (_, month, message) => {
      const writer = await chainOver([4, 1], [3, 1], [1, 1]);
      const { stderr, code } = await seal(month, 'archive.ndjson');
      expect(stderr).toContain(message);
      expect(code).toBe(2);
      expect(await subjects(writer)).toHaveLength(3);
      expect(existsSync(at('archive.ndjson'))).toBe(false);
    });

    it('where nothing is said of retention', async () => {
      const writer = await chainOver([4, 1]);
      const { stderr, code } = await new AuditCli(folder, testDatabase).run(['seal', '--month', older]);
      expect(stderr).toBe('audit.retention is not configured: all months are kept.\n');
      expect(code).toBe(2);
      expect(await subjects(writer)).toHaveLength(1);
    });

    it('into a file that holds something else', async () => {
      const writer = await chainOver([3, 1]);
      writeFileSync(at('archive.ndjson'), 'precious');
      const { stderr, code } = await seal(old, 'archive.ndjson');
      expect(stderr).toContain('archive.ndjson is there already and holds something else; name another file.');
      expect(code).toBe(2);
      expect(readFileSync(at('archive.ndjson'), 'utf8')).toBe('precious');
      expect(existsSync(at('archive.ndjson.partial'))).toBe(false);
      expect(await subjects(writer)).toHaveLength(1);
    });

    it('into a folder that is not there', async () => {
      await chainOver([3, 1]);
      const { stderr, code } = await seal(old, 'nowhere/archive.ndjson');
      expect(stderr).toBe('nowhere/archive.ndjson cannot be written (ENOENT).\n');
      expect(code).toBe(2);
    });

    it('while the trail is broken, anywhere', async () => {
      await chainOver([3, 2]);
      const writer = await chainOver([2, 3]);
      await owner.query('delete from audit_records where writer = $1 and seq = 2', [writer.head().writer]);
      const { stdout, code } = await seal(old, 'archive.ndjson');
      expect(stdout).toContain(`Chain ${writer.head().writer}: row 2 is missing.\n`);
      expect(code).toBe(1);
      expect(existsSync(at('archive.ndjson'))).toBe(false);
      expect((await owner.query('select from audit_seals')).rowCount).toBe(0);
    });

    it('to the role of the service', async () => {
      const writer = await chainOver([3, 2]);
      const answer = await cli.run(['seal', '--month', old], { DATABASE_OWNER_URL: testDatabase.url });
      expect(answer.code).toBe(2);
      expect(await subjects(writer)).toHaveLength(2);
      for (const statement of [
        'delete from audit_seals where false',
        'update audit_seals set rows = rows where false',
        'truncate audit_seals',
        `insert into audit_seals values (gen_random_uuid(), 1, '', 1, '', '', now())`,
      ]) {
        await expect(service.query(statement)).rejects.toMatchObject({ code: '42501' });
      }
    });
  });

  describe('that was broken off', () => {
    it('before the rows were gone is sealed by another try, into the same file', async () => {
      const writer = await chainOver([3, 3], [2, 1]);
      writeFileSync(at('archive.ndjson.partial'), 'half of a run before that');
      await owner.query('begin');
      await owner.query('lock table audit_seals in exclusive mode');
      const { child, ended } = cli.start(['seal', '--month', old, '--out', 'archive.ndjson']);
      await until(async () => (await waitingFor(owner)) === 1);
      expect(existsSync(at('archive.ndjson'))).toBe(true);
      child.kill('SIGKILL');
      expect(await ended).toMatchObject({ code: null });
      await owner.query('commit');
      await until(async () => !(await isAdvisoryLockHeld(owner)));

      expect(await subjects(writer)).toHaveLength(4);
      expect(await check()).toMatchObject({ seals: 0, faults: [] });
      expect(await seal(old, 'archive.ndjson')).toMatchObject({ code: 0 });
      expect(await subjects(writer)).toHaveLength(1);
      expect(await cli.run(['verify', '--archive', 'archive.ndjson'])).toMatchObject({ code: 0 });
    });

    it('when nobody heard of its commit was sealed', async () => {
      const writer = await chainOver([3, 2]);
      const proxy = await DatabaseProxy.start(testDatabase.ownerUrl);
      proxy.loseAnswerToCommitAfter('delete from "audit_records"');
      const lost = await cli.run(['seal', '--month', old, '--out', 'archive.ndjson'], {
        DATABASE_OWNER_URL: proxy.url,
      });
      await proxy.close();
      expect(lost).toMatchObject({ code: 2, stderr: 'The database cannot be reached.\n' });
      expect(await subjects(writer)).toEqual([]);
      expect((await seal(old, 'archive.ndjson')).stdout).toContain('nothing left to seal');
      expect(await cli.run(['verify', '--archive', 'archive.ndjson'])).toMatchObject({ code: 0 });
    });
  });

  it('is said to be broken by the command, archive and all', async () => {
    const writer = await chainOver([3, 2], [2, 2]);
    await seal(old, 'archive.ndjson');
    writeFileSync(at('forged.ndjson'), readFileSync(at('archive.ndjson'), 'utf8').replace('#0', '#9'));
    await owner.query('delete from audit_records where seq = 3');
    const { stdout, code } = await cli.run(['verify', '--archive', 'forged.ndjson']);
    const { writer: id } = writer.head();
    expect(stdout).toContain(
      `forged.ndjson: Chain ${id}: row 1 was changed.\nforged.ndjson: 2 rows with 1 seals, broken.\n`,
    );
    expect(stdout).toMatch(new RegExp(`^Chain ${id}: row 3 is missing\\.$`, 'm'));
    expect(stdout).toMatch(/^Broken chains: 1\.$/m);
    expect(code).toBe(1);
  });

  it('is compared by the command with the heads that were exported before', async () => {
    const writer = await chainOver([3, 2], [2, 2]);
    const { writer: id } = writer.head();
    await seal(old, 'archive.ndjson');
    const firstHash = /"hash":"(\w+)"/.exec(readFileSync(at('archive.ndjson'), 'utf8'))?.[1] ?? '';
    const verifyBy = async (hash: string) => {
      writeFileSync(
        at('gateway.log'),
        `${JSON.stringify({ msg: 'audit head', head: { writer: id, seq: 1, hash } })}\n`,
      );
      return cli.run(['verify', '--archive', 'archive.ndjson', '--heads', 'gateway.log']);
    };
    expect((await verifyBy(firstHash)).code).toBe(0);
    const { stdout, code } = await verifyBy('a'.repeat(64));
    expect(stdout).toContain(
      `archive.ndjson: Chain ${id}: row 1 is not the one whose head was exported: the chain was written anew.\n`,
    );
    expect(code).toBe(1);
  });

  it('is not found in a file that is no archive', async () => {
    await chainOver([3, 1]);
    await seal(old, 'archive.ndjson');
    writeFileSync(at('other.ndjson'), 'something else\n');
    writeFileSync(at('empty.ndjson'), '');
    for (const [file, message] of [
      ['other.ndjson', 'Line 1 of other.ndjson cannot be read as a line of an archive.\n'],
      ['empty.ndjson', 'empty.ndjson holds no records.\n'],
    ] as const) {
      const { stderr, code } = await cli.run(['verify', '--archive', file]);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
    }
  });
});
