import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { AuditWriter } from '@app/audit';
import { ManualClock } from '@app/clock';
import { createLogger } from '@app/logging';
import { Scrubber, Secret } from '@app/secrets';
import { Database } from '@app/store';

import { AuditCli } from './support/audit-cli.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

describe('npm run audit', () => {
  let testDatabase: TestDatabase;
  let owner: pg.Client;
  let folder: string;
  let cli: AuditCli;
  let writer: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'audit-command-'));
    testDatabase = await createTestDatabase();
    owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
    await owner.connect();

    const log: string[] = [];
    const logger = createLogger({
      level: 'info',
      scrubber: new Scrubber(),
      destination: { write: (line) => void log.push(line) },
    });
    const database = new Database({ url: { current: new Secret(testDatabase.url) }, caFile: undefined });
    const trail = new AuditWriter({ database, clock: new ManualClock(), logger });
    for (const organization of ['contoso.example', 'fabrikam.example', 'contoso.example']) {
      await trail.append({ action: 'save', decision: 'allow', organization });
    }
    await trail.close();
    await database.close();
    writer = trail.head().writer;
    writeFileSync(join(folder, 'gateway.log'), log.join(''));
    cli = new AuditCli(folder, testDatabase);
    writeFileSync(join(folder, 'other.log'), '{"msg":"listening"}\n');
  });
  afterAll(async () => {
    await owner.end();
    await testDatabase.drop();
    rmSync(folder, { recursive: true });
  });

  const run = (args: string[], environment?: Record<string, string>) => cli.run(args, environment);

  it('verifies the trail, and says how fast', async () => {
    const { stdout, stderr, code } = await run(['verify', '--heads', 'gateway.log']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^3 rows of 1 chains, \d+ rows\/s, compared with 1 exported heads\.\nThe trail is whole\.\n$/,
    );
    expect(code).toBe(0);
  });

  it('names what no head covers, and is content', async () => {
    const other = { writer: '6f1f2c9e-0a53-4a0e-9a62-2f3a2f6d8a01', seq: 1, hash: 'a'.repeat(64) };
    const { rows } = await owner.query<{ hash: string }>('select hash from audit_records where seq = 1');
    const uncovered = async (head: object) => {
      writeFileSync(join(folder, 'early.log'), `${JSON.stringify({ head })}\n`);
      return run(['verify', '--heads', 'early.log']);
    };
    const { stdout, code } = await uncovered({ writer, seq: 1, hash: rows[0]?.hash });
    const time = new Date(new ManualClock().now()).toISOString();
    expect(stdout).toContain(
      `Chain ${writer}: rows 2 (${time}) to 3 (${time}) are covered by no head. The last head that was exported is from before.\n3 rows`,
    );
    expect(code).toBe(0);
    const none = await uncovered(other);
    expect(none.stdout).toContain(
      `Chain ${writer}: rows 1 (${time}) to 3 (${time}) are covered by no head. No head of this chain was exported.\n`,
    );
    expect(none.code).toBe(1);
  });

  it('exports what is asked for', async () => {
    const { stdout, code } = await run(['export', '--organization', 'Contoso.example', '--action', 'save']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toMatchObject([{ record: { seq: 1 } }, { record: { seq: 3 } }, { head: { writer, seq: 3 } }]);
    expect(code).toBe(0);
  });

  it('names what is broken and ends with 1', async () => {
    await owner.query('begin');
    await owner.query('create table aside as select * from audit_records where seq = 3');
    await owner.query('delete from audit_records where seq = 3');
    await owner.query('commit');
    expect(await run(['verify'])).toMatchObject({ code: 0 });
    const { stdout, code } = await run(['verify', '--heads', 'gateway.log']);
    expect(stdout).toContain(`Chain ${writer}: row 3 is missing, and all after it: a later head was exported.\n`);
    expect(stdout).toMatch(/Broken chains: 1\.\n$/);
    expect(code).toBe(1);
    await owner.query('insert into audit_records select * from aside');
    await owner.query('drop table aside');
  });

  it.each([
    ['no command', [], /^verify, export or seal\?\nUsage:/],
    ['an unknown command', ['repair'], /^verify, export or seal\?/],
    ['an unknown option', ['verify', '--fast'], /--fast.*Usage:/s],
    ['a file that is not there', ['verify', '--heads', 'nowhere.log'], /^The audit trail could not be read \(ENOENT\)/],
    ['a file without heads', ['verify', '--heads', 'other.log'], /^other\.log holds no heads\./],
    ['a time that is none', ['export', '--from', 'yesterday'], /^yesterday is no time\./],
    ['an unknown action', ['export', '--action', 'steal'], /^--action is one of listOrganizations, /],
    ['an unknown decision', ['export', '--decision', 'maybe'], /^--decision\?/],
    ['an operation that is none', ['export', '--operation', '4711'], /^--operation is the id of an operation\./],
    ['an issuer without an actor', ['export', '--issuer', 'https://sso'], /^--issuer goes with --actor\./],
  ])('ends with 2 for %s', async (_, args, message) => {
    const { stdout, stderr, code } = await run(args);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('ends with 2 when the database is not there, and tells no secret', async () => {
    const url = Object.assign(new URL(testDatabase.url), { port: '1', password: 'db-secret' }).href;
    const { stderr, code } = await run(['verify'], { DATABASE_URL: url });
    expect(stderr).toBe('The database cannot be reached.\n');
    expect(code).toBe(2);
  });
});
