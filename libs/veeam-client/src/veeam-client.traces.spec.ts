import { SessionStoppedError } from '@app/problems';
import { clientOf, failureOf, SESSION_ID, wireSession } from './testing/client-of.js';
import { event, listing } from './testing/paging.js';
import { makeCertificate, ok, ScriptedUpstream, status } from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const PATH = `/v8/RestoreSessions/${SESSION_ID}`;
const SESSION = `GET ${PATH}`;
const EVENTS = `GET ${PATH}/Events`;
let upstream: ScriptedUpstream;
let client: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  client = clientOf(upstream, { apiVersion: 'v8' });
});

afterEach(async () => {
  await client.close();
  await upstream.close();
});

describe('events', () => {
  it('are all read, in pages as small as the server likes', async () => {
    const events = Array.from({ length: 75 }, (_, order) => event(order));
    upstream.on(
      EVENTS,
      listing(() => events, 30),
    );
    const read = await client.restoreEvents(SESSION_ID, { afterOrder: 4 });
    expect(read.map(({ order }) => order)).toEqual(Array.from({ length: 70 }, (_, index) => index + 5));
  });

  it('are told in their order by a server that lists the newest first', async () => {
    const events = [event(0), event(1), event(2)];
    upstream.on(
      EVENTS,
      listing(() => [...events].reverse()),
    );
    const seen: number[] = [];
    for (const next of [3, 4, 5]) {
      seen.push(
        ...(await client.restoreEvents(SESSION_ID, { afterOrder: seen.at(-1) ?? -1 })).map(({ order }) => order),
      );
      events.push(event(next));
    }
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  it('of an endless log are read some thousands at a time', async () => {
    upstream.on(
      EVENTS,
      listing(() => Array.from({ length: 12_000 }, (_, order) => event(order))),
    );
    const first = await client.restoreEvents(SESSION_ID);
    expect(first).toHaveLength(10_000);
    const rest = await client.restoreEvents(SESSION_ID, { afterOrder: 9_999 });
    expect(rest.map(({ order }) => order)).toEqual(Array.from({ length: 2_000 }, (_, index) => 10_000 + index));
  });

  it('of a blocking restore are read on v5 as well', async () => {
    await client.close();
    client = clientOf(upstream);
    upstream.on(
      `GET /v5/RestoreSessions/${SESSION_ID}/Events`,
      listing(() => [event(0), event(1)]),
    );
    expect(await client.restoreEvents(SESSION_ID, { afterOrder: 0 })).toMatchObject([{ order: 1 }]);
  });

  it('of a session that is gone say so', async () => {
    upstream.on(EVENTS, status(500));
    upstream.on(SESSION, ok(wireSession('Stopped')));
    expect(await failureOf(client.restoreEvents(SESSION_ID))).toBeInstanceOf(SessionStoppedError);
  });
});

describe('the log of a session', () => {
  async function logOf(read = client) {
    const orders: number[] = [];
    const { isWhole } = await read.readRestoreLog(SESSION_ID, ({ order }) => orders.push(order));
    return { orders, isWhole };
  }

  it.each(['v5', 'v6', 'v7', 'v8'] as const)('is read to its end, however long it is, on %s', async (apiVersion) => {
    const events = Array.from({ length: 12_001 }, (_, order) => event(order));
    upstream.on(
      `GET /${apiVersion}/RestoreSessions/${SESSION_ID}/Events`,
      listing(() => events),
    );
    await client.close();
    client = clientOf(upstream, { apiVersion });
    expect(await logOf()).toEqual({ orders: events.map(({ order }) => order), isWhole: true });
  });

  it('is not told to be whole where it has no end', async () => {
    // More than was asked for at a time, as no request is to be saved on.
    const page = Array.from({ length: 100_000 }, (_, order) => ({ order, startTime: '2026-01-15T10:00:00Z' }));
    upstream.on(EVENTS, ok({ results: page }));
    const { orders, isWhole } = await logOf();
    expect(isWhole).toBe(false);
    expect(orders).toHaveLength(200_000);
    expect(upstream.requests(EVENTS)).toHaveLength(2);
  });

  it('is told with its times in UTC, and is no log when the session is gone', async () => {
    upstream.on(
      EVENTS,
      listing(() => [event(0, '2026-01-15T13:30:00.1234567+03:00')]),
    );
    const times: string[] = [];
    await client.readRestoreLog(SESSION_ID, ({ startedAt }) => times.push(startedAt));
    expect(times).toEqual(['2026-01-15T10:30:00.123Z']);
    upstream.on(EVENTS, status(500));
    upstream.on(SESSION, ok(wireSession('Stopped')));
    expect(await failureOf(logOf())).toBeInstanceOf(SessionStoppedError);
  });
});

it('sessions since a time are all that began then or later, asked for in UTC', async () => {
  const session = (id: string, creationTime: string) => ({
    ...wireSession('Stopped'),
    id,
    creationTime,
    organization: 'contoso.onmicrosoft.com',
    result: 'Warning',
  });
  const results = [
    session('new', '2026-01-15T11:00:00Z'),
    session('just', '2026-01-15T10:30:00.0000000Z'),
    session('old', '2026-01-15T10:29:59.9Z'),
  ];
  upstream.on(
    'GET /v8/RestoreSessions',
    listing(() => results),
  );
  const sessions = await client.restoreSessionsSince('2026-01-15T12:30:00+02:00');
  expect(sessions.map(({ id }) => id)).toEqual(['new', 'just']);
  expect(sessions[0]).toMatchObject({ organizationName: 'contoso.onmicrosoft.com', result: 'warning' });
  const [request] = upstream.requests('GET /v8/RestoreSessions');
  expect(Object.fromEntries(new URL(request?.url ?? '', 'https://upstream').searchParams)).toMatchObject({
    startTimeFrom: '2026-01-15T10:29:59.000Z',
    orderBy: 'CreationTime',
  });
});
