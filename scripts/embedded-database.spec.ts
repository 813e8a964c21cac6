import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedDatabase } from './embedded-database.js';

// Seconds on a busy machine: every test makes a cluster of its own.
jest.setTimeout(60_000);

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const isAlive = (pid: number) => spawnSync('kill', ['-0', String(pid)]).status === 0;

describe('a temporary database', () => {
  it('has an owner and a service that may not create tables, and is gone after stop', async () => {
    const database = await startEmbeddedDatabase();
    try {
      await query(database.ownerUrl, 'CREATE TABLE things (id int)');
      await expect(query(database.serviceUrl, 'CREATE TABLE more (id int)')).rejects.toThrow('permission denied');
      await expect(query(database.serviceUrl, 'SELECT * FROM things')).rejects.toThrow('permission denied');
      expect(await query(database.adminUrl, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
    } finally {
      await database.stop();
    }
    expect(existsSync(database.dataDir)).toBe(false);
    await expect(query(database.ownerUrl, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('wants the right password', async () => {
    const database = await startEmbeddedDatabase();
    try {
      const url = new URL(database.ownerUrl);
      url.password = 'guess';
      await expect(query(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    } finally {
      await database.stop();
    }
  });

  it('tells when the server ended by itself', async () => {
    const database = await startEmbeddedDatabase();
    const pid = Number((await readFile(join(database.dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(pid, 'SIGINT');
    expect(await database.died).toContain('database system is shut down');
    await database.stop();
  });
});

describe('a data folder', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'embedded-database-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it('is used again with its passwords, which only the owner can read', async () => {
    const first = await startEmbeddedDatabase({ dataDir });
    await query(first.ownerUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    expect((await stat(join(first.dataDir, 'passwords.json'))).mode & 0o777).toBe(0o600);

    const second = await startEmbeddedDatabase({ dataDir });
    try {
      expect(await query(second.ownerUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      expect(new URL(second.ownerUrl).password).toBe(new URL(first.ownerUrl).password);
    } finally {
      await second.stop();
    }
  });

  it('starts over when an earlier first start was cut off', async () => {
    await writeFile(join(dataDir, 'passwords.json'), '{"admin":"a","owner":"b","service":"c"}');
    const database = await startEmbeddedDatabase({ dataDir });
    await expect(query(database.ownerUrl, 'SELECT 1')).resolves.toHaveLength(1);
    await database.stop();
  });

  it('comes up over a postmaster.pid that names a living stranger', async () => {
    const first = await startEmbeddedDatabase({ dataDir });
    await first.stop();
    await writeFile(
      join(first.dataDir, 'cluster/postmaster.pid'),
      `${process.ppid}\n${first.dataDir}/cluster\n1\n5432\n\n127.0.0.1\n`,
    );
    const second = await startEmbeddedDatabase({ dataDir });
    await expect(query(second.ownerUrl, 'SELECT 1')).resolves.toHaveLength(1);
    await second.stop();
  });

  it('says that a given port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    await expect(startEmbeddedDatabase({ dataDir, port })).rejects.toThrow('Address already in use');
    squatter.close();
  });
});

it('ends with the process that started it, even when that is killed', async () => {
  const compiled = join(__dirname, '../dist/scripts/embedded-database.js');
  if (!existsSync(compiled)) throw new Error('This test runs the compiled script: npm run build first.');
  const code = `const { startEmbeddedDatabase } = await import(${JSON.stringify(compiled)});
    console.log((await startEmbeddedDatabase()).dataDir); setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const dataDir = line.toString().trim();
  const pid = Number((await readFile(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).split('\n')[0]);
  expect(isAlive(pid)).toBe(true);

  parent.kill('SIGKILL');
  while (isAlive(pid) || existsSync(dataDir)) await new Promise((resolve) => setTimeout(resolve, 50));
});
