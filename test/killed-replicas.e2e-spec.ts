import { verify } from '@app/audit';
import { SystemClock } from '@app/clock';
import { Secret } from '@app/secrets';
import { Database } from '@app/store';
import pg from 'pg';

import { Caller } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { type GatewayProcess, startGatewayProcess } from './support/gateway-process.js';
import { Random, seed } from './support/random.js';
import { changedSettings } from './support/settings.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { type Neighbours, startNeighbours } from './support/world.js';

const MINUTE = 60_000;
jest.setTimeout(30 * MINUTE);

const { operations: OPERATIONS, kills: KILLS } = process.env.TEST_FULL
  ? { operations: 200, kills: 50 }
  : { operations: 24, kills: 6 };
const PER_KILL = OPERATIONS / KILLS;

const actions = ['restore', 'copy', 'send'] as const;
const stages = ['received', 'running', 'item', 'done'] as const;

/** One that was asked for, and by what upstream's account of it is known. */
interface Asked {
  readonly action: (typeof actions)[number];
  readonly key: string;
  readonly desk: Desk;
}

interface Row {
  readonly id: string;
  readonly key: string;
  readonly state: string;
  readonly sent: boolean;
}

/** Real processes and real time, since a process that is killed takes its clock with it. */
describe.each(dialects)('operations on $version whose replicas are killed at random', ({ version }) => {
  let neighbours: Neighbours;
  let environment: Record<string, string>;
  let replicas: GatewayProcess[];
  let owner: pg.Client;
  let database: Database;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    environment = {
      VEEAM_API_VERSION: version,
      ...(await changedSettings(neighbours, ({ limits }) => ({ limits: { ...limits, lease: '3s' } }))),
    };
    replicas = [await start(), await start()];
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    database = new Database({ url: { current: new Secret(neighbours.database.url) }, caFile: undefined });
  });
  afterAll(async () => {
    neighbours.veeam.control.clearFaults();
    await Promise.all(replicas.map((replica) => replica.kill()));
    await database.close();
    await owner.end();
    await neighbours.close();
  });

  const start = () => startGatewayProcess(neighbours, environment);

  async function rows(): Promise<Row[]> {
    const { rows: found } = await owner.query<Row>(
      'select id, idempotency_key as key, state, sent_at is not null as sent from operations',
    );
    return found;
  }

  /** As a caller does who wants it done once: again and again, on whatever replica answers, under one key. */
  async function ask({ action, key, desk: { sid, oneDrives } }: Asked, random: Random, token: string): Promise<void> {
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/${action}`;
    const body = {
      restore: { documentAction: 'overwrite' },
      copy: { target: { oneDriveId: oneDrives.Bob }, folder: key },
      send: { to: 'bob@contoso.onmicrosoft.com', subject: key, text: 'The files you asked for.' },
    }[action];
    await until(async () => {
      const { url } = random.pick(replicas);
      const answer = await new Caller(url, token).post(path, body, { 'idempotency-key': key }).catch(() => undefined);
      if (answer === undefined || answer.status === 503) return false;
      if (answer.status !== 202) throw new Error(`${key}: ${JSON.stringify(answer.body)}`);
      return true;
    });
  }

  /** By upstream's account. */
  function timesAccepted(asked: Asked | undefined): number {
    return neighbours.veeam.control.actions().filter(({ action, sessionId, options }) => {
      if (action !== asked?.action || sessionId !== asked.desk.upstreamSid) return false;
      return action === 'restore' || options[action === 'copy' ? 'folder' : 'subject'] === asked.key;
    }).length;
  }

  it(`are not lost and not done twice: ${OPERATIONS} operations, ${KILLS} kills`, async () => {
    const random = new Random(seed());
    process.stdout.write(`killed replicas, ${version}: TEST_SEED=${random.seed}\n`);
    const { control } = neighbours.veeam;
    const token = await neighbours.sso.token('oscar');
    const asked = new Map<string, Asked>();
    /** What ran when a replica was killed: only of that it may be unknown what became of it. */
    const inFlight = new Map<string, Row>();
    let desk: Desk | undefined;

    for (let kill = 0; kill < KILLS; kill++) {
      const next: Asked[] = [];
      for (let i = 0; i < PER_KILL; i++) {
        const number = kill * PER_KILL + i;
        const action = actions[number % actions.length] ?? 'restore';
        // Each restore has a restore session of its own, by which it is known; others wait for it there.
        if (desk === undefined || action === 'restore') {
          const gateway = { url: random.pick(replicas).url, now: () => Date.now() };
          desk = await openDesk('oscar', { ...neighbours, gateway });
        }
        next.push({ action, key: `${action}-${number}`, desk });
      }
      next.forEach((each) => asked.set(each.key, each));

      const hold = control.holdActions(random.pick(stages));
      const asking = Promise.all(next.map((each) => ask(each, random, token)));
      const isAsked = asking.then(() => true);
      await Promise.race([hold.reachedBy(1 + random.below(2)), isAsked]);
      const victim = random.pick(replicas);
      await victim.kill();
      for (const row of await rows()) {
        if (row.state === 'submitting' || row.state === 'following') inFlight.set(row.id, row);
      }
      hold.release();
      replicas = [...replicas.filter((replica) => replica !== victim), await start()];
      await asking;
    }

    await until(async () => (await rows()).length === asked.size);
    const last = new Caller(replicas[0]?.url ?? '', token);
    for (const { id } of await rows()) await last.endOf(id);
    await control.settled();
    const ended = await rows();
    const interrupted = ended.filter(({ state }) => state === 'interrupted');
    process.stdout.write(
      `killed replicas, ${version}: ${KILLS} kills, ${inFlight.size} operations in flight, ${interrupted.length} interrupted\n`,
    );

    expect(ended.map(({ key }) => key).sort()).toEqual([...asked.keys()].sort());
    for (const { key, state } of ended) {
      const times = timesAccepted(asked.get(key));
      expect({ key, state, times }).toEqual(
        state === 'succeeded' ? { key, state, times: 1 } : { key, state: 'interrupted', times: Math.min(times, 1) },
      );
    }
    // Of all else it is known what became of it; and what upstream does by itself is followed by whoever is left.
    for (const { id } of interrupted) expect(inFlight.get(id)).toMatchObject({ state: 'submitting', sent: true });

    const trail = await auditRecords(neighbours);
    for (const { id, state } of ended) {
      const ends = trail.filter(({ operationId, action }) => operationId === id && action === 'operation.ended');
      expect(ends).toMatchObject([{ outcome: state }]);
    }
    const { faults } = await verify(database, { clock: new SystemClock() });
    expect(faults).toEqual([]);
  });
});
