import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import { Metrics } from '@app/logging';
import pg from 'pg';

import { type Answer, Caller, exchangeBytes, expectProblem, operationIdOf, parseAnswer } from './support/caller.js';
import { DatabaseProxy } from './support/database-proxy.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { emptyFolder } from './support/files.js';
import { PolicyFolder } from './support/policies.js';
import { rawRequest } from './support/raw-caller.js';
import { until } from './support/until.js';
import { WatchedEvents } from './support/watched-events.js';
import { type Gateway, type GatewayOptions, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** With a condition, which the first stage of authorization leaves to the second. */
const noReading = `@id("no-reading")
forbid(principal, action == Action::"readOperations", resource) when { context.time > datetime("2020-01-01") };`;

const patient = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, leaseMs: 24 * HOUR, sessionIdleMs: 24 * HOUR, requestsPerWindow: 100_000 },
});

/** What there is of counts in a progress. */
function numbersOf({ time: _, activities: __, ...numbers }: Record<string, unknown>): object {
  return numbers;
}

describe.each(dialects)('the events of an operation on $version', (dialect) => {
  const isFollowed = dialect.heldState === 'following';
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let clock: ManualClock;
  let gateways: Gateway[];
  let streams: WatchedEvents[];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
  });
  afterAll(() => neighbours.close());
  beforeEach(() => {
    gateways = [];
    streams = [];
    clock = new ManualClock(Date.now());
  });
  afterEach(async () => {
    streams.forEach((stream) => {
      stream.leave();
    });
    control.clearFaults();
    await Promise.all(gateways.map((gateway) => gateway.close()));
  });

  async function start(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = await startGateway(neighbours, {
      clock,
      adjust: patient,
      ...options,
      environment: { VEEAM_API_VERSION: dialect.version, ...options.environment },
    });
    gateways.push(gateway);
    return gateway;
  }

  const callerAt = (gateway: Gateway, name = 'alice') => Caller.named(name, { sso: neighbours.sso, gateway });
  const deskAt = (gateway: Gateway, name = 'alice') => openDesk(name, { ...neighbours, gateway });
  const moving = () => ({ clock, by: SECOND });

  async function restore({ caller, sid, oneDrives }: Desk, headers = {}): Promise<string> {
    const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`;
    const { status, body } = await caller.post(path, { documentAction: 'overwrite' }, headers);
    expect([200, 202]).toContain(status);
    return body.id as string;
  }

  async function watch(caller: Caller, id: string, lastEventId?: number): Promise<WatchedEvents> {
    const stream = await WatchedEvents.open(caller, id, lastEventId);
    streams.push(stream);
    return stream;
  }

  const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

  it('tell each state and how far upstream is while it works, and end with what came of it', async () => {
    await emptyFolder(neighbours.veeam.productionDir);
    const alice = await deskAt(await start());
    const hold = control.hold({ action: 'restore' }, 'item');
    const id = await restore(alice);
    const stream = await watch(alice.caller, id);
    hold.step();
    await hold.reachedBy(2);
    // Counts and a percentage only where upstream tells them.
    const latest = () => stream.progress.at(-1);
    await until(() => latest() !== undefined && isDeepStrictEqual(numbersOf(latest()), dialect.progress), moving());
    const { progress } = await alice.caller.operation(id);
    expect(progress).toEqual({
      ...dialect.progress,
      activities: stream.progress.flatMap(({ activities }) => activities),
    });
    expect(progress.activities).toContainEqual(expect.stringMatching(/^restore \S.*\.\w+ (running|succeeded)$/));
    expect(stream.end).toBeUndefined();

    hold.release();
    expect(await stream.ended(moving())).toBe('cleanly');
    expect(stream.ids).toEqual(upTo(stream.last));
    expect(stream.states).toEqual(['accepted', 'submitting', ...(isFollowed ? ['following'] : []), 'succeeded']);
    const { state, outcome, endedAt } = await alice.caller.operation(id);
    expect(stream.events.at(-1)).toEqual({ id: stream.last, type: 'state', data: { time: endedAt, state, outcome } });
  });

  it('are numbered alike for whoever comes later, on any replica', async () => {
    const [first, second] = [await start(), await start()];
    const alice = await deskAt(first);
    const hold = control.hold({ action: 'restore' }, 'item');
    const id = await restore(alice);
    const watching = await watch(alice.caller, id);
    await hold.reached;
    await until(() => watching.progress.length > 0, moving());
    hold.release();
    await watching.ended(moving());
    const again = await watch(await callerAt(second), id);
    await again.ended();
    expect(again.events).toEqual(watching.events);
  });

  it('are neither missed nor repeated when the stream is cut and resumed on another replica', async () => {
    const [first, second] = [await start(), await start()];
    const alice = await deskAt(first);
    const there = await callerAt(second);
    const hold = control.hold({ action: 'restore' }, 'item');
    const id = await restore(alice);
    await hold.reached;
    const pieces: WatchedEvents[] = [];
    for (const caller of [alice.caller, there, there, alice.caller]) {
      const piece = await watch(caller, id, pieces.at(-1)?.last);
      pieces.push(piece);
      await until(() => piece.events.length > 0 && piece.progress.length > 0, moving());
      piece.leave();
      // What happens now, nobody sees.
      hold.step();
      await clock.advance(6 * SECOND);
    }
    hold.release();
    const last = await watch(there, id, pieces.at(-1)?.last);
    expect(await last.ended(moving())).toBe('cleanly');
    const events = [...pieces, last].flatMap((piece) => piece.events);
    expect(events.map((event) => event.id)).toEqual(upTo(last.last));
    expect(events.at(-1)?.data).toMatchObject({ state: 'succeeded' });
    const whole = await watch(there, id);
    await whole.ended();
    expect(whole.events).toEqual(events);
  });

  it('end at once when the gateway stops, before what runs gets its grace, and go on elsewhere', async () => {
    const [first, second] = [await start(), await start()];
    const alice = await deskAt(first);
    const hold = control.hold({ action: 'restore' }, 'running');
    const id = await restore(alice);
    const stream = await watch(alice.caller, id);
    await hold.reached;
    await until(() => stream.states.includes(dialect.heldState), moving());
    let isStopped = false;
    const stopped = first.close().finally(() => (isStopped = true));
    // The gateway's clock stands still, and so does the grace.
    expect(await stream.ended()).toBe('cleanly');
    if (!isFollowed) {
      expect(isStopped).toBe(false);
      // Who comes back to the same replica is sent on.
      const late = await watch(alice.caller, id, stream.last);
      expect([await late.ended(), late.events]).toEqual(['cleanly', []]);
    }
    hold.release();
    await stopped;
    gateways = [second];
    const resumed = await watch(await callerAt(second), id, stream.last);
    await resumed.ended(moving());
    expect([...stream.ids, ...resumed.ids]).toEqual(upTo(resumed.last));
    expect(resumed.states.at(-1)).toBe('succeeded');
  });

  it('stay away while the database does, and none is missed', async () => {
    const proxy = await DatabaseProxy.start(neighbours.database.url);
    try {
      const alice = await deskAt(await start());
      const cutOff = await start({ environment: { DATABASE_URL_FILE: '', DATABASE_URL: proxy.url } });
      const hold = control.hold({ action: 'restore' }, 'running');
      const id = await restore(alice);
      await hold.reached;
      const stream = await watch(await callerAt(cutOff), id);
      await until(() => stream.events.length > 1, moving());
      proxy.goDown();
      await clock.advance(5 * SECOND);
      hold.release();
      await until(async () => (await alice.caller.operation(id)).state === 'succeeded', moving());
      const before = stream.heartbeats;
      await until(() => stream.heartbeats > before, moving());
      expect(stream.end).toBeUndefined();
      expect(stream.states).not.toContain('succeeded');
      expect((await (await callerAt(cutOff)).get(`/api/v1/operations/${id}/events`)).status).toBe(503);

      proxy.comeBack();
      expect(await stream.ended(moving())).toBe('cleanly');
      expect(stream.ids).toEqual(upTo(stream.last));
      expect(stream.states.at(-1)).toBe('succeeded');
    } finally {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      gateways = [];
      await proxy.close();
    }
  });

  if (isFollowed) {
    it('go on when another replica takes the operation over', async () => {
      const [first, second] = [await start(), await start()];
      const alice = await deskAt(first);
      const hold = control.hold({ action: 'restore' }, 'item');
      const id = await restore(alice);
      await hold.reached;
      const stream = await watch(await callerAt(second), id);
      await until(() => stream.progress.length > 0, moving());
      const told = stream.progress.length;
      await first.close();
      gateways = [second];
      await until(() => stream.states.filter((state) => state === 'following').length === 2, moving());
      await clock.advance(30 * SECOND);
      // Upstream stands still: the new owner has nothing to tell that the one before has not told.
      expect(stream.progress).toHaveLength(told);
      hold.release();
      await stream.ended(moving());
      expect(stream.ids).toEqual(upTo(stream.last));
    });
  } else {
    it('do not tell as progress what an earlier operation did in the restore session', async () => {
      const alice = await deskAt(await start());
      await alice.caller.endOf(await restore(alice));
      await clock.advance(Date.now() - clock.now());
      const hold = control.hold({ action: 'restore' }, 'received');
      const id = await restore(alice);
      await hold.reached;
      const stream = await watch(alice.caller, id);
      await clock.advance(30 * SECOND);
      await until(() => control.received().filter(({ route }) => route?.endsWith('Events')).length > 2, moving());
      await alice.caller.operation(id);
      expect(stream.progress).toEqual([]);
      hold.release();
      await stream.ended(moving());
    });
  }
});

describe('a stream of events', () => {
  let neighbours: Neighbours;
  let control: Neighbours['veeam']['control'];
  let proxy: DatabaseProxy;
  let policies: PolicyFolder;
  let clock: ManualClock;
  let gateway: Gateway;
  let alice: Desk;
  let bob: Caller;
  let streams: WatchedEvents[] = [];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    control = neighbours.veeam.control;
    proxy = await DatabaseProxy.start(neighbours.database.url);
    policies = new PolicyFolder();
    clock = new ManualClock(Date.now());
    gateway = await startGateway(neighbours, {
      clock,
      environment: { DATABASE_URL_FILE: '', DATABASE_URL: proxy.url, POLICY_DIR: policies.path },
      adjust: (configuration) => {
        const adjusted = patient(configuration);
        return { ...adjusted, limits: { ...adjusted.limits, eventStreamsPerCaller: 3, eventStreamsInAll: 4 } };
      },
    });
    alice = await openDesk('alice', { ...neighbours, gateway });
    bob = await callerNamed('bob');
  });
  afterEach(async () => {
    streams.forEach((stream) => {
      stream.leave();
    });
    streams = [];
    control.clearFaults();
    await until(async () => (await openStreams()) === 0);
  });
  afterAll(async () => {
    await gateway.close();
    await proxy.close();
    await neighbours.close();
    policies.remove();
  });

  const callerNamed = (name: string) => Caller.named(name, { sso: neighbours.sso, gateway });
  const moving = () => ({ clock, by: SECOND });
  const pathOf = (id: string) => `/api/v1/operations/${id}/events`;

  async function restore(headers: Record<string, string> = {}): Promise<string> {
    const path = `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}/restore`;
    const { body } = await alice.caller.post(path, { documentAction: 'overwrite' }, headers);
    return body.id as string;
  }

  /** A restore that upstream holds, and how to let it end. */
  async function running(): Promise<{ id: string; finish: () => Promise<void> }> {
    const hold = control.hold({ action: 'restore' }, 'running');
    const id = await restore();
    await hold.reached;
    return {
      id,
      finish: async () => {
        hold.release();
        await alice.caller.endOf(id);
      },
    };
  }

  async function watch(caller: Caller, id: string, lastEventId?: number): Promise<WatchedEvents> {
    const stream = await WatchedEvents.open(caller, id, lastEventId);
    streams.push(stream);
    return stream;
  }

  async function openStreams(): Promise<number> {
    const { text } = await gateway.app.get(Metrics).expose();
    return Number(/^event_streams_active (\d+)$/m.exec(text)?.[1]);
  }

  it('is answered as such, whatever the caller accepts, and not to be cached or held back', async () => {
    const id = await restore({ prefer: 'wait=60' });
    for (const accept of ['text/event-stream', 'application/json', '*/*']) {
      const { status, headers, body } = await alice.caller.get(pathOf(id), { accept });
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('text/event-stream');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-accel-buffering')).toBe('no');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-request-id')).toBeTruthy();
      expect(headers.has('content-length')).toBe(false);
      expect(body).toMatch(
        /^retry: \d+\n\nid: 1\nevent: state\ndata: \{"time":"[^"]+","state":"accepted"\}\n\nid: 2\n/,
      );
      expect(body).toMatch(/\n\n$/);
    }
  });

  it('answers a HEAD with the head alone', async () => {
    const { id, finish } = await running();
    const { status, headers, body } = await alice.caller.call('HEAD', pathOf(id));
    expect([status, headers.get('content-type'), body]).toEqual([200, 'text/event-stream', '']);
    await finish();
  });

  it('tells of a download how many bytes it had, of what was canceled that it was, and of what failed why', async () => {
    const onedrive = `/api/v1/restore-sessions/${alice.sid}/onedrives/${alice.oneDrives.Alice}`;
    const saved = await alice.caller.fetch('POST', `${onedrive}/save`, '{}');
    const { byteLength: bytes } = await saved.arrayBuffer();
    const { id, sha256 } = await alice.caller.operation(operationIdOf(saved.headers));
    const download = await watch(alice.caller, id as string);
    await download.ended();
    expect(download.events.at(-1)?.data).toMatchObject({ state: 'succeeded', bytes, sha256 });

    const { finish } = await running();
    const waiting = await restore();
    const canceled = await watch(alice.caller, waiting);
    await alice.caller.delete(`/api/v1/operations/${waiting}`);
    expect(await canceled.ended()).toBe('cleanly');
    expect(canceled.states).toEqual(['accepted', 'canceled']);
    await finish();

    control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', status: 500, body: { message: 'no' } } });
    const failed = await watch(alice.caller, await restore());
    await failed.ended();
    expect(failed.events.at(-1)?.data).toMatchObject({ state: 'failed', problem: { code: 'upstream-rejected' } });
  });

  it('has a comment line every fifteen seconds, so that nobody takes it for dead', async () => {
    const { id, finish } = await running();
    const stream = await watch(alice.caller, id);
    for (const beats of [1, 2, 3]) {
      await clock.advance(15 * SECOND - 1);
      await alice.caller.get('/api/v1/operations'); // a round trip later it would be here
      expect(stream.heartbeats).toBe(beats - 1);
      await clock.advance(1);
      await until(() => stream.heartbeats === beats);
    }
    await finish();
  });

  it('ends when the token of the caller does, and goes on with the next one', async () => {
    const { id, finish } = await running();
    const iat = Math.floor(clock.now() / SECOND);
    const token = await neighbours.sso.token('alice', { iat, exp: iat + 600 });
    const stream = await watch(new Caller(gateway.url, token), id);
    await until(() => stream.events.length === 2, moving());
    const left = (iat + 600) * SECOND - clock.now();
    await clock.advance(left - 1);
    await alice.caller.get('/api/v1/operations');
    expect(stream.end).toBeUndefined();
    await clock.advance(1);
    expect(await stream.ended()).toBe('cleanly');
    const resumed = await watch(await callerNamed('alice'), id, stream.last);
    await finish();
    await resumed.ended(moving());
    expect([...stream.ids, ...resumed.ids]).toEqual([...Array(resumed.last).keys()].map((index) => index + 1));
  });

  it('tells nothing more once the policy no longer lets the caller read the operation', async () => {
    const { id, finish } = await running();
    const stream = await watch(alice.caller, id);
    await until(() => stream.events.length === 2, moving());
    const isReadable = async () => (await alice.caller.get(`/api/v1/operations/${id}`)).status === 200;
    policies.write('no-reading', noReading);
    await until(async () => !(await isReadable()), { clock, by: 10 * SECOND });
    control.clearFaults();
    expect(await stream.ended(moving())).toBe('cleanly');
    expect(stream.events).toHaveLength(2);
    policies.delete('no-reading');
    await until(isReadable, { clock, by: 10 * SECOND });
    await finish();
  });

  it('of an operation of somebody else is the same 404 as of one that does not exist', async () => {
    const { id, finish } = await running();
    const visible = ({ status, body, headers }: Answer) => {
      const problem = { ...(body as object), requestId: undefined };
      return { status, problem, names: [...headers.keys()].sort() };
    };
    for (const headers of [{}, { 'last-event-id': '1' }, { 'last-event-id': '999' }]) {
      const ofAlice = await bob.get(pathOf(id), headers);
      expectProblem(ofAlice, 'not-found');
      expect(visible(await bob.get(pathOf(randomUUID()), headers))).toEqual(visible(ofAlice));
    }
    expectProblem(await bob.get(pathOf('1')), 'validation-failed');
    await finish();
  });

  describe('resumed', () => {
    it.each([
      ['nothing', ''],
      ['what numbers no event', '0'],
      ['a negative number', '-1'],
      ['a fraction', '1.5'],
      ['leading zeros', '01'],
      ['an exponent', '1e1'],
      ['a number too large for the database', '4294967296'],
      ['a number without end', '9'.repeat(400)],
      ['digits of another script', '%D9%A1'],
      ['an id of something else', randomUUID()],
      ['two of them on one line', '1, 2'],
      ['SQL', '1 or 1=1'],
      ['what lies beyond the last one', '77'],
    ])('after %s is refused, and does not start anew', async (_, lastEventId) => {
      const { id, finish } = await running();
      const answer = await alice.caller.get(pathOf(id), { 'last-event-id': lastEventId });
      expectProblem(answer, 'validation-failed');
      expect(answer.body.errors).toEqual([{ field: 'Last-Event-ID', message: expect.any(String) as string }]);
      expect(await openStreams()).toBe(0);
      await finish();
    });

    it('after two is refused', async () => {
      const id = await restore({ prefer: 'wait=60' });
      const { hostname, port } = new URL(gateway.url);
      const lines = [
        `GET ${pathOf(id)} HTTP/1.1`,
        `Host: ${hostname}:${port}`,
        `Authorization: Bearer ${alice.caller.token}`,
        'Last-Event-ID: 1',
        'Last-Event-ID: 2',
        'Connection: close',
      ];
      const answer = parseAnswer(await exchangeBytes(gateway, `${lines.join('\r\n')}\r\n\r\n`));
      expectProblem(answer, 'validation-failed');
    });

    it('after the last event of an operation that has ended is 204, which clients take for the end', async () => {
      const id = await restore({ prefer: 'wait=60' });
      const whole = await watch(alice.caller, id);
      await whole.ended();
      const rest = await watch(alice.caller, id, whole.last - 1);
      await rest.ended();
      expect(rest.events).toEqual(whole.events.slice(-1));
      const answer = await alice.caller.get(pathOf(id), { 'last-event-id': String(whole.last) });
      expect([answer.status, answer.body, answer.headers.get('cache-control')]).toEqual([204, '', 'no-store']);
      expectProblem(
        await alice.caller.get(pathOf(id), { 'last-event-id': String(whole.last + 1) }),
        'validation-failed',
      );
    });
  });

  it('is one of so many that a caller may have, and all callers together', async () => {
    const { id, finish } = await running();
    const own = [await watch(alice.caller, id), await watch(alice.caller, id), await watch(alice.caller, id)];
    expect(await openStreams()).toBe(3);
    const refused = await alice.caller.get(pathOf(id));
    expectProblem(refused, 'rate-limited');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);

    const bobs = await openDesk('bob', { ...neighbours, gateway });
    const path = `/api/v1/restore-sessions/${bobs.sid}/onedrives/${bobs.oneDrives.Bob}/restore`;
    const held = control.hold({ action: 'restore' }, 'running');
    const { body } = await bob.post(path, {});
    await watch(bob, body.id as string);
    expectProblem(await bob.get(pathOf(body.id as string)), 'rate-limited');

    // However one ends, it gives its place back.
    own[0]?.leave();
    await until(async () => (await openStreams()) === 3);
    own.push(await watch(alice.caller, id));
    expectProblem(await alice.caller.get(pathOf(id)), 'rate-limited');
    held.release();
    await finish();
    await Promise.all(own.slice(1).map((stream) => stream.ended(moving())));
    await watch(alice.caller, id);
    for (let time = 0; time < 5; time++) {
      expectProblem(await alice.caller.get(pathOf(randomUUID())), 'not-found');
      expectProblem(await alice.caller.get(pathOf(id), { 'last-event-id': 'x' }), 'validation-failed');
    }
  });

  describe('whose reader is slow', () => {
    const EVENTS = 2_000;
    /** What a kernel holds of a connection over loopback, on both sides. */
    const IN_KERNEL = 20 * 1024 * 1024;

    /** An operation that goes on and has about 40 MB of events. */
    async function eventful(): Promise<{ id: string; finish: () => Promise<void> }> {
      const operation = await running();
      const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
      await owner.connect();
      try {
        await owner.query(
          `insert into operation_events (operation_id, sequence, time, event)
           select $1, sequence, now(), jsonb_build_object('type', 'progress', 'activities', jsonb_build_array(repeat('x', 20000)))
           from generate_series((select last_sequence + 1 from operations where id = $1), $2) as sequence`,
          [operation.id, EVENTS],
        );
        await owner.query('update operations set last_sequence = $2 where id = $1', [operation.id, EVENTS]);
      } finally {
        await owner.end();
      }
      return operation;
    }

    /** Somebody who asks for the stream and takes nothing of it yet. */
    async function idle(id: string): Promise<Socket> {
      return rawRequest(gateway.url, { method: 'GET', path: pathOf(id), token: alice.caller.token, body: '' });
    }

    /** How much the gateway has read of the database once it reads no more. */
    async function bytesRead(): Promise<number> {
      let last = -1;
      let equal = 0;
      return until(() => {
        equal = proxy.bytesFromDatabase === last ? equal + 1 : 0;
        last = proxy.bytesFromDatabase;
        return equal > 10 && last;
      });
    }

    it('gets all of it in the end, and meanwhile holds nothing but what the connection holds', async () => {
      const { id, finish } = await eventful();
      const before = proxy.bytesFromDatabase;
      const socket = await idle(id);
      expect((await bytesRead()) - before).toBeLessThan(IN_KERNEL);
      // Neither news nor heartbeats pile up.
      await clock.advance(50 * SECOND);
      expect((await bytesRead()) - before).toBeLessThan(IN_KERNEL);
      await finish();

      const pieces: Buffer[] = [];
      socket.on('data', (piece: Buffer) => pieces.push(piece));
      await once(socket, 'close');
      const ids = [
        ...Buffer.concat(pieces)
          .toString()
          .matchAll(/^id: (\d+)$/gm),
      ].map(([, number]) => Number(number));
      expect(ids.length).toBeGreaterThan(EVENTS);
      expect(ids).toEqual([...ids.keys()].map((index) => index + 1));
    });

    it('is cut off after a minute in which nothing was taken, and can go on', async () => {
      const { id, finish } = await eventful();
      const socket = await idle(id);
      await bytesRead();
      expect(await openStreams()).toBe(1);
      await clock.advance(61 * SECOND);
      await until(async () => (await openStreams()) === 0);
      socket.destroy();
      const resumed = await watch(alice.caller, id, EVENTS - 1);
      await finish();
      await resumed.ended(moving());
      expect(resumed.ids[0]).toBe(EVENTS);
    });
  });

  it('is logged at its end, with the time it took', async () => {
    const { id, finish } = await running();
    const stream = await watch(alice.caller, id);
    const requestId = stream.response.headers.get('x-request-id');
    const lines = () =>
      gateway
        .log()
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => line.msg === 'request' && line.requestId === requestId);
    await clock.advance(90 * SECOND);
    await alice.caller.get('/api/v1/operations');
    expect(lines()).toEqual([]);
    await finish();
    await stream.ended(moving());
    const [line] = await until(() => lines().length > 0 && lines());
    expect(line).toMatchObject({ method: 'GET', route: '/api/v1/operations/:id/events', status: 200 });
    expect(line).not.toHaveProperty('aborted');
    expect(line?.durationMs).toBeGreaterThanOrEqual(90 * SECOND);
  });
});
