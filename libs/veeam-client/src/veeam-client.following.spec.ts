import { NotSupportedByUpstreamError, UpstreamBrokenError, UpstreamUnavailableError } from '@app/problems';
import type { FollowedRestore } from './model.js';
import { clientOf, failureOf, SESSION_ID, wireSession } from './testing/client-of.js';
import { event, listing } from './testing/paging.js';
import {
  hangUp,
  inTurn,
  makeCertificate,
  ok,
  type Respond,
  ScriptedUpstream,
  status,
} from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const PATH = `/v8/RestoreSessions/${SESSION_ID}`;
const SESSION = `GET ${PATH}`;
const STATISTICS = `GET ${PATH}/Statistics`;
const EVENTS = `GET ${PATH}/Events`;
const statistics = {
  totalItemsCount: 10,
  restoredItemsCount: 6,
  failedItemsCount: 1,
  skippedItemsCount: 2,
  warnings: ['one was locked'],
  items: [],
};
const nothing = { totalItemsCount: 0, restoredItemsCount: 0, failedItemsCount: 0, skippedItemsCount: 0, items: [] };
const stopped = (result: string) => ok({ ...wireSession('Stopped'), result, endTime: '2026-01-15T10:05:00Z' });
let upstream: ScriptedUpstream;
let client: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  client = clientOf(upstream, { apiVersion: 'v8' });
  upstream.on(
    EVENTS,
    listing(() => []),
  );
  upstream.on(STATISTICS, ok(statistics));
});

afterEach(async () => {
  await client.close();
  await upstream.close();
});

describe('a look at a restore that upstream works on', () => {
  beforeEach(() => {
    upstream.on(SESSION, ok({ ...wireSession('Working'), result: 'Failed' }));
  });

  it('tells how far it is, and never believes the result that stands there from the start', async () => {
    expect(await client.followRestore(SESSION_ID)).toEqual({
      state: 'running',
      progress: { counts: { total: 10, restored: 6, failed: 1, skipped: 2 }, events: [] },
    });
  });

  it.each<[string, Respond]>([
    ['refuses', status(500)],
    ['does not know', status(404)],
    ['is too busy for', status(503)],
    ['hangs up on', hangUp],
    ['garbles', ok({ totalItemsCount: 'many' })],
  ])('needs neither numbers nor events, which upstream %s', async (_, failure) => {
    upstream.on(STATISTICS, failure);
    upstream.on(EVENTS, failure);
    expect(await client.followRestore(SESSION_ID)).toEqual({
      state: 'running',
      progress: { counts: undefined, events: [] },
    });
  });

  it('shows only the events that come after the last one seen, whatever state they were in then', async () => {
    const events = [
      event(0, undefined, { type: 'None' }),
      event(1, undefined, { status: 'Running', itemName: 'a.txt' }),
    ];
    upstream.on(
      EVENTS,
      listing(() => events),
    );
    const first = await client.followRestore(SESSION_ID);
    expect(progressOf(first)).toMatchObject([
      { order: 0, kind: 'other', state: 'succeeded', message: 'm0', itemName: undefined },
      { order: 1, kind: 'restore', state: 'running', itemName: 'a.txt', startedAt: '2026-01-15T10:00:00.000Z' },
    ]);
    events.push(event(2, undefined, { status: 'Cancelled' }), event(3, undefined, { status: 'NewWord', type: 'New' }));
    expect(progressOf(await client.followRestore(SESSION_ID, { afterOrder: 1 }))).toMatchObject([
      { order: 2, state: 'canceled' },
      { order: 3, state: 'unknown', kind: 'other' },
    ]);
    expect(upstream.requests(EVENTS).map(({ url }) => url.split('?')[1])).toEqual([
      'offset=0&limit=250',
      'offset=2&limit=250',
    ]);
    expect(progressOf(await client.followRestore(SESSION_ID, { afterOrder: 3 }))).toEqual([]);
  });
});

describe('a look at a restore that has ended', () => {
  it.each([
    ['Success', 'success'],
    ['Warning', 'warning'],
    ['Failed', 'failed'],
  ])('with %s has counts, issues and that verdict', async (wire, result) => {
    upstream.on(SESSION, stopped(wire));
    const look = await client.followRestore(SESSION_ID);
    expect(look).toEqual({
      state: 'stopped',
      progress: { counts: { total: 10, restored: 6, failed: 1, skipped: 2 }, events: [] },
      outcome: {
        total: 10,
        restored: 6,
        failed: 1,
        skipped: 2,
        skippedByError: undefined,
        skippedByNoChanges: undefined,
        failedRestrictions: undefined,
        result,
        results: [],
        issues: [{ path: undefined, title: undefined, severity: 'warning', message: 'one was locked' }],
      },
    });
  });

  it('in failure is one even with nothing counted', async () => {
    upstream.on(SESSION, stopped('Failed'));
    upstream.on(STATISTICS, ok(nothing));
    expect(await client.followRestore(SESSION_ID)).toMatchObject({
      outcome: { total: 0, failed: 0, result: 'failed' },
    });
  });

  it.each<[string, Respond]>([
    ['refuses', status(500)],
    ['does not know', status(404)],
    ['garbles', ok({})],
  ])('asks three times for numbers that upstream %s, then goes by the verdict', async (_, failure) => {
    upstream.on(STATISTICS, failure);
    upstream.on(SESSION, stopped('Success'));
    expect(await client.followRestore(SESSION_ID)).toMatchObject({ state: 'stopped', outcome: undefined });
    expect(upstream.requests(STATISTICS)).toHaveLength(3);
    upstream.on(SESSION, stopped('Failed'));
    expect(await client.followRestore(SESSION_ID)).toMatchObject({
      outcome: { restored: 0, result: 'failed', issues: [{ severity: 'error' }] },
    });
  });

  it('asks once for numbers that are too long, which they will be again', async () => {
    upstream.on(STATISTICS, ok({ ...statistics, warnings: ['x'.repeat(17 * 1024 * 1024)] }));
    upstream.on(SESSION, stopped('Success'));
    expect(await client.followRestore(SESSION_ID)).toMatchObject({ state: 'stopped', outcome: undefined });
    expect(upstream.requests(STATISTICS)).toHaveLength(1);
  });

  it('takes the numbers of a server that stumbled once', async () => {
    upstream.on(SESSION, stopped('Success'));
    upstream.on(STATISTICS, inTurn(status(500), ok(statistics)));
    expect(await client.followRestore(SESSION_ID)).toMatchObject({ outcome: { restored: 6 } });
  });

  it.each<[string, Respond, typeof UpstreamBrokenError | typeof UpstreamUnavailableError]>([
    ['the connection broke', hangUp, UpstreamBrokenError],
    ['upstream is too busy', status(503), UpstreamUnavailableError],
  ])('fails and may be repeated when %s', async (_, failure, expected) => {
    upstream.on(SESSION, stopped('Success'));
    upstream.on(STATISTICS, failure);
    expect(await failureOf(client.followRestore(SESSION_ID))).toBeInstanceOf(expected);
  });

  it('without a verdict is not taken for a success', async () => {
    upstream.on(SESSION, stopped('Splendid'));
    expect(await failureOf(client.followRestore(SESSION_ID))).toBeInstanceOf(UpstreamBrokenError);
  });
});

describe('a look at a session', () => {
  it.each([
    ['by 404', status(404)],
    ['by 400', status(400)],
    ['by its code', status(500, '{"errorCode":"ResourceNotFound","message":"no"}')],
  ])('that upstream does not know, %s, is unknown', async (_, refusal) => {
    upstream.on(SESSION, refusal);
    expect(await client.followRestore(SESSION_ID)).toEqual({ state: 'unknown' });
  });

  it.each([
    ['cannot read', status(500)],
    ['denies', status(403, '{"errorCode":"ResourceAccessDenied"}')],
    ['is too busy for', status(503)],
    ['garbles', ok({ id: SESSION_ID, state: 'Dreaming' })],
  ])('that upstream %s tells nothing and fails', async (_, refusal) => {
    upstream.on(SESSION, refusal);
    await failureOf(client.followRestore(SESSION_ID));
  });

  it('ends at once when nobody wants it any more', async () => {
    const reason = new Error('no longer mine');
    await expect(client.followRestore(SESSION_ID, {}, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('is none on v5, where restores answer when they end', async () => {
    await client.close();
    client = clientOf(upstream);
    expect(await failureOf(client.followRestore(SESSION_ID))).toBeInstanceOf(NotSupportedByUpstreamError);
    expect(await failureOf(client.restoreSessionsSince('2026-01-15T10:00:00Z'))).toBeInstanceOf(
      NotSupportedByUpstreamError,
    );
    expect((await client.capabilities()).followedRestores).toBe(false);
    expect(upstream.received).toEqual([]);
  });
});

function progressOf(look: FollowedRestore) {
  if (look.state === 'unknown') throw new Error('unknown');
  return look.progress.events;
}
