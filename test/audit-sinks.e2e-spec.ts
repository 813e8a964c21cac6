import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';

import { type AuditRecord, AuditWriter, headsOf, Month, sealMonth, verify } from '@app/audit';
import { ManualClock, SystemClock } from '@app/clock';
import type { AuditSinkConfiguration, Configuration } from '@app/config';
import { createLogger, Metrics } from '@app/logging';
import { Scrubber, Secret } from '@app/secrets';
import { Database } from '@app/store';

import { CONFIGURATION } from '../apps/gateway/src/infrastructure/tokens.js';
import { makeServerCertificate } from '../apps/veeam-sandbox/src/certificates.js';
import { by } from './support/audited-world.js';
import { Caller } from './support/caller.js';
import { SyslogReceiver } from './support/syslog-receiver.js';
import { until } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;

describe('a sink of the audit trail', () => {
  let neighbours: Neighbours;
  let owner: pg.Client;
  let database: Database;
  let folder: string;
  let certificate: Awaited<ReturnType<typeof makeServerCertificate>>;
  let caFile: string;
  let clock: ManualClock;
  let gateways: Gateway[];
  let receivers: SyslogReceiver[];
  let writers: AuditWriter[];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    database = new Database({ url: { current: new Secret(neighbours.database.url) }, caFile: undefined });
    folder = mkdtempSync(join(tmpdir(), 'audit-sinks-'));
    certificate = await makeServerCertificate();
    caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, certificate.certificate);
  });
  beforeEach(async () => {
    await owner.query('truncate audit_records, audit_seals, audit_sinks, audit_sink_positions');
    clock = new ManualClock(Date.now());
    [gateways, receivers, writers] = [[], [], []];
  });
  afterEach(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await Promise.all(writers.map((writer) => writer.close()));
    await Promise.all(receivers.map((receiver) => receiver.close()));
  });
  afterAll(async () => {
    await database.close();
    await owner.end();
    await neighbours.close();
    rmSync(folder, { recursive: true });
  });

  async function startReceiver(port?: number, isTls = true): Promise<SyslogReceiver> {
    const receiver = await SyslogReceiver.start(isTls ? certificate : undefined, port);
    receivers.push(receiver);
    neighbours.canary.watch('audit-sink', () => received(receiver).join('\n'));
    return receiver;
  }

  async function startPushing(...sinks: AuditSinkConfiguration[]): Promise<Gateway> {
    const gateway = await startGateway(neighbours, {
      clock,
      adjust: (configuration) => ({ ...configuration, audit: { ...configuration.audit, sinks } }),
    });
    gateways.push(gateway);
    return gateway;
  }

  function startWriter(): AuditWriter {
    const logger = createLogger({ level: 'silent', scrubber: new Scrubber() });
    const writer = new AuditWriter({ database, clock, logger });
    writers.push(writer);
    return writer;
  }

  const writeMany = (writer: AuditWriter, count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => writer.append(by(`caller-${index}`))));

  const siem = ({ port }: { port: number }): AuditSinkConfiguration => ({
    ...{ kind: 'syslog', name: 'siem', host: 'localhost', port, transport: 'tls', caFile },
  });
  const file = (path: string): AuditSinkConfiguration => ({ kind: 'file', name: 'file', path });

  /** Slower than what is watched: a delivery has 10 s. */
  const moving = () => ({ clock, by: 100 });

  /** Until a sink has everything there is. */
  const caughtUp = (gateway: Gateway) =>
    until(async () => {
      const { text } = await gateway.app.get(Metrics).expose();
      const lags = [...text.matchAll(/^audit_sink_lag_records\{.*\} (\d+)$/gm)].map(([, lag]) => lag);
      const names = gateway.app.get<Configuration>(CONFIGURATION).audit.sinks.map(({ name }) => name);
      const { rowCount } = await owner.query(
        `select from audit_records r, unnest($1::text[]) s where r.seq > coalesce(
           (select p.seq from audit_sink_positions p where p.sink = s and p.writer = r.writer), 0) limit 1`,
        [names],
      );
      return rowCount === 0 && lags.length === names.length && lags.every((lag) => lag === '0');
    }, moving());

  interface Delivered {
    readonly hash: string;
    readonly prev: string;
    readonly record: AuditRecord;
  }
  const parsed = (lines: readonly string[]) =>
    lines.map((line) => JSON.parse(line) as Partial<Delivered>).filter((line): line is Delivered => 'record' in line);
  const received = (receiver: SyslogReceiver) => receiver.messages.map(({ message }) => message);
  const seqsOf = (writer: AuditWriter, lines: readonly string[]) =>
    parsed(lines)
      .filter(({ record }) => record.writer === writer.head().writer)
      .map(({ record }) => record.seq);
  const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

  describe('that takes syslog over TLS', () => {
    it('gets each record as it is stored, and the heads, in messages of RFC 5424', async () => {
      const receiver = await startReceiver();
      const writer = startWriter();
      await writer.append({ ...by('Alïce 😀'), reason: 'ticket\u2028 4711' });
      await writer.append({ ...by('bob'), decision: 'deny' });
      const gateway = await startPushing(siem(receiver));
      await caughtUp(gateway);

      const { rows } = await owner.query<{ hash: string; prev: string; text: string; time: Date }>(
        'select hash, prev, text, time from audit_records where writer = $1 order by seq',
        [writer.head().writer],
      );
      const own = receiver.messages.filter(({ procId }) => procId === writer.head().writer);
      expect(own).toEqual([
        ...rows.map(({ hash, prev, text, time }, index) => ({
          priority: index === 0 ? 110 : 108,
          timestamp: time.toISOString(),
          hostName: expect.stringMatching(/^[\x21-\x7e]+$/),
          appName: 'restore-gateway',
          procId: writer.head().writer,
          msgId: 'record',
          message: `{"hash":"${hash}","prev":"${prev}","record":${text}}`,
        })),
        expect.objectContaining({ msgId: 'head', message: JSON.stringify({ head: writer.head() }) }),
      ]);
      const verified = await verify(database, { clock: new SystemClock(), heads: headsOf(received(receiver)) });
      expect(verified).toMatchObject({ headsCompared: 2, faults: [] });
    });

    it('goes on where it was after the receiver was away, with nothing lost and each chain in order', async () => {
      const first = await startReceiver();
      const writer = startWriter();
      await writeMany(writer, 1_200);
      const gateway = await startPushing(siem(first));
      await caughtUp(gateway);
      await first.close();
      receivers = [];
      await writeMany(writer, 1_300);
      await until(() => gateway.log().some((line) => line.includes('do not reach their sink')), moving());
      const second = await startReceiver(first.port);
      await caughtUp(gateway);

      expect(seqsOf(writer, received(first))).toEqual(upTo(1_200));
      expect(seqsOf(writer, received(second))).toEqual(upTo(2_500).slice(1_200));
      expect(gateway.log().filter((line) => line.includes('do not reach their sink'))).toHaveLength(1);
      expect(gateway.log().filter((line) => line.includes('reach their sink again'))).toHaveLength(1);
    });

    it('gets again what it did not read to the end before its connection broke', async () => {
      const receiver = await startReceiver();
      const writer = startWriter();
      await writeMany(writer, 300);
      receiver.breakNextConnectionAfter(20_000);
      const gateway = await startPushing(siem(receiver));
      await caughtUp(gateway);

      const seqs = seqsOf(writer, received(receiver));
      const again = seqs.lastIndexOf(1);
      expect(again).toBeGreaterThan(0);
      expect(seqs.slice(0, again)).toEqual(upTo(again));
      expect(seqs.slice(again)).toEqual(upTo(300));
    });

    it('goes on where it was after the gateway was away', async () => {
      const receiver = await startReceiver();
      const writer = startWriter();
      await writeMany(writer, 5);
      await caughtUp(await startPushing(siem(receiver)));
      await gateways.pop()?.close();
      await writeMany(writer, 5);
      await caughtUp(await startPushing(siem(receiver)));
      expect(seqsOf(writer, received(receiver))).toEqual(upTo(10));
      // The last record of the gateway that stopped, too.
      expect(received(receiver).filter((line) => line.includes('"service.stopped"'))).toHaveLength(1);
    });

    it('gets each record once from several replicas', async () => {
      const receiver = await startReceiver();
      const [one] = await Promise.all([startPushing(siem(receiver)), startPushing(siem(receiver))]);
      const writer = startWriter();
      for (let round = 0; round < 5; round++) {
        await writeMany(writer, 100);
        await clock.advance(SECOND);
      }
      await caughtUp(one);
      expect(seqsOf(writer, received(receiver))).toEqual(upTo(500));
    });

    it('gets the rest from another replica when the one that pushed is gone', async () => {
      const receiver = await startReceiver();
      const writer = startWriter();
      await owner.query(`insert into audit_sinks values ('siem', gen_random_uuid(), $1)`, [
        new Date(clock.now() + 20 * SECOND),
      ]);
      await writeMany(writer, 10);
      const gateway = await startPushing(siem(receiver));
      const nearlyOver = clock.now() + 15 * SECOND;
      await until(() => clock.now() >= nearlyOver, { clock, by: SECOND });
      expect(receiver.messages).toEqual([]);
      await caughtUp(gateway);
      expect(seqsOf(writer, received(receiver))).toEqual(upTo(10));
    });

    it('gets nothing unless its certificate is trusted', async () => {
      const receiver = await startReceiver();
      const gateway = await startPushing({ ...siem(receiver), caFile: undefined } as AuditSinkConfiguration);
      await until(() => gateway.log().some((line) => line.includes('do not reach their sink')), moving());
      expect(receiver.messages).toEqual([]);
    });

    it('that is away keeps nobody from anything, and is told in health and metrics', async () => {
      const receiver = await startReceiver();
      await receiver.close();
      receivers = [];
      const gateway = await startPushing(siem(receiver));
      await until(() => gateway.log().some((line) => line.includes('do not reach their sink')), moving());
      const alice = await Caller.named('alice', { ...neighbours, gateway });
      const sid = await alice.openSession();
      expect(sid).toMatch(/./);

      const { status, body } = await alice.get('/health/ready');
      expect(status).toBe(200);
      expect(body).toMatchObject({
        status: 'ready',
        checks: { auditSinks: { status: 'degraded', detail: expect.stringMatching(/^siem is \d+ records behind$/) } },
      });
      const back = await startReceiver(receiver.port);
      await caughtUp(gateway);
      expect((await alice.get('/health/ready')).body.checks.auditSinks).toEqual({ status: 'up' });
      expect(received(back).join()).toContain(sid);
    });
  });

  it('that takes syslog in the clear gets the same', async () => {
    const receiver = await startReceiver(undefined, false);
    const writer = startWriter();
    await writeMany(writer, 3);
    const { port } = receiver;
    await caughtUp(
      await startPushing({
        ...{ kind: 'syslog', name: 'plain', host: '127.0.0.1', port, transport: 'tcp', caFile: undefined },
      }),
    );
    expect(seqsOf(writer, received(receiver))).toEqual(upTo(3));
  });

  describe('that is a file', () => {
    const linesIn = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');

    it('is appended to, and goes on in a new one once it was renamed', async () => {
      const path = join(folder, 'audit.ndjson');
      const writer = startWriter();
      await writeMany(writer, 3);
      const gateway = await startPushing(file(path));
      await caughtUp(gateway);
      renameSync(path, `${path}.1`);
      await writeMany(writer, 2);
      await caughtUp(gateway);
      expect(seqsOf(writer, linesIn(`${path}.1`))).toEqual([1, 2, 3]);
      expect(seqsOf(writer, linesIn(path))).toEqual([4, 5]);
      expect(linesIn(path).at(-1)).toBe(JSON.stringify({ head: writer.head() }));
      expect(statSync(path).mode & 0o777).toBe(0o600);
    });

    it('is whole lines again behind half a one that a crash left', async () => {
      const path = join(folder, 'torn.ndjson');
      appendFileSync(path, '{"hash":"half of');
      const writer = startWriter();
      await writeMany(writer, 2);
      await caughtUp(await startPushing(file(path)));
      const [torn, ...whole] = linesIn(path);
      expect(torn).toBe('{"hash":"half of');
      expect(seqsOf(writer, whole)).toEqual([1, 2]);
    });

    it('gets everything there is under a name that is new, beside another sink', async () => {
      const receiver = await startReceiver();
      const writer = startWriter();
      await writeMany(writer, 2);
      await caughtUp(await startPushing(siem(receiver)));
      await gateways.pop()?.close();
      const path = join(folder, 'new.ndjson');
      await caughtUp(await startPushing(siem(receiver), file(path)));
      expect(seqsOf(writer, linesIn(path))).toEqual([1, 2]);
      expect(seqsOf(writer, received(receiver))).toEqual([1, 2]);
    });
  });

  it('that does not have a record yet keeps that record from being sealed away', async () => {
    const month = Month.of(new Date(clock.now()));
    const writer = startWriter();
    await writeMany(writer, 2);
    const ownerDatabase = new Database({
      url: { current: new Secret(neighbours.database.ownerUrl) },
      caFile: undefined,
    });
    const path = join(folder, 'archive.ndjson');
    const seal = () => sealMonth(ownerDatabase, { month, path, now: new Date(clock.now()), sinks: ['siem'] });
    await expect(seal()).rejects.toThrow('The sink siem does not have all of these records yet.');
    expect(existsSync(path)).toBe(false);
    const receiver = await startReceiver();
    await caughtUp(await startPushing(siem(receiver)));
    await gateways.pop()?.close();
    await owner.query('delete from audit_records where writer <> $1', [writer.head().writer]);
    await expect(seal()).resolves.toMatchObject({ rows: 2 });
    await ownerDatabase.close();
  });
});
