import type { ServerResponse } from 'node:http';

import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import { Metrics } from '@app/logging';

import { Caller } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { type GatewayProcess, startGatewayProcess } from './support/gateway-process.js';
import { changedSettings } from './support/settings.js';
import { until } from './support/until.js';
import { isSignedWith, WebhookReceiver } from './support/webhook-receiver.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const STEP = 200;
const HOUR = 60 * MINUTE;
const ATTEMPT = 15 * SECOND;
const LEASE = 60 * SECOND;
const AGE = 20 * MINUTE;

const patient = (configuration: Configuration): Configuration => ({
  ...configuration,
  // The clock is moved far in one step.
  limits: {
    ...configuration.limits,
    sessionsPerCaller: 1_000,
    requestsPerWindow: 1_000_000,
    sessionIdleMs: 10_000 * HOUR,
    leaseMs: 10_000 * HOUR,
    webhookAgeMs: AGE,
  },
});

describe('the delivery of webhooks', () => {
  let neighbours: Neighbours;
  let owner: pg.Client;
  let receiver: WebhookReceiver;
  let other: WebhookReceiver;
  let environment: Record<string, string>;
  let clock: ManualClock;
  let gateway: Gateway;
  let alice: Desk;
  /** Of all the gateways there were. */
  const log: string[] = [];

  beforeAll(async () => {
    neighbours = await startNeighbours();
    owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    receiver = await WebhookReceiver.start(neighbours.canary);
    other = await WebhookReceiver.start(neighbours.canary);
    environment = await changedSettings(neighbours, () => ({
      webhooks: [{ clientId: 'restore-desk', ...receiver.settings }],
      ownerNotice: other.settings,
    }));
  });
  // One for each test: after a test has moved the clock on for hours, no token is good any more.
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    gateway = await start(clock);
    alice = await openDesk('alice', { ...neighbours, gateway });
  });
  afterEach(async () => {
    // First so that nothing hangs, then so that nothing is left of what came until the end.
    [receiver, other].forEach((one) => {
      one.reset();
    });
    await gateway.close();
    [receiver, other].forEach((one) => {
      one.reset();
    });
    log.push(...gateway.log());
    await owner.query('delete from webhook_deliveries');
  });
  afterAll(async () => {
    await receiver.close();
    await other.close();
    await owner.end();
    await neighbours.close();
  });

  const start = (at: ManualClock, changes = environment) =>
    startGateway(neighbours, { clock: at, environment: changes, adjust: patient });

  /** Restores the OneDrive of Alice, to the end. */
  async function restore({ caller, sid, oneDrives } = alice): Promise<void> {
    const { body } = await caller.post(`/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/restore`, {});
    await caller.endOf(body.id as string);
  }

  const rows = async () => (await owner.query('select * from webhook_deliveries order by created_at')).rows;
  const state = async () => (await rows())[0]?.state as string | undefined;
  const dueIn = async () => ((await rows())[0]?.due_at as Date).getTime() - clock.now();

  /** In steps so small that no attempt under way is given up. */
  const soon = <T>(look: () => T | undefined | false | Promise<T | undefined | false>, at = clock) =>
    until(look, { clock: at, by: STEP });

  /** Four seconds go by, in which anything due is looked for four times, and what is sent has time to come. */
  async function nothingMore(at = clock) {
    let looks = 0;
    await soon(() => ++looks > (4 * SECOND) / STEP, at);
  }

  const failures = () =>
    gateway
      .log()
      .map((line) => JSON.parse(line) as { msg: string; why?: string })
      .filter(({ msg }) => msg.startsWith('a webhook'));

  const failed = (count: number) => soon(() => failures().length >= count);

  it('is tried again with growing pauses while the receiver is down, and made once when it is up', async () => {
    await receiver.goDown();
    await restore();
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      await failed(attempt);
      pauses.push(await dueIn());
      await clock.advance(pauses.at(-1) ?? 0);
    }
    pauses.forEach((pause, index) => {
      expect(pause).toBeLessThanOrEqual(5 * SECOND * 2 ** index);
      expect(pause).toBeGreaterThan(2.5 * SECOND * 2 ** index - 2 * SECOND);
    });
    expect(failures()[0]?.why).toBe('could not be sent (ECONNREFUSED)');
    await failed(5);
    await receiver.comeUp();
    await clock.advance(await dueIn());
    await soon(async () => (await state()) === 'delivered');
    expect((await gateway.app.get(Metrics).expose()).text).toContain('webhook_deliveries_total{result="delivered"} 1');
    await clock.advance(2 * MINUTE);
    await nothingMore();
    expect(receiver.received.map((webhook) => isSignedWith(receiver.key, webhook))).toEqual([true]);
    expect(await rows()).toMatchObject([{ state: 'delivered', body: null, attempts: 6 }]);
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['answers 500', (response) => response.writeHead(500).end('broken'), 'answered 500'],
    ['answers 400', (response) => response.writeHead(400).end(), 'answered 400'],
    ['redirects', (response) => response.writeHead(307, { location: other.url }).end(), 'answered 307'],
    ['cuts the connection', (response) => response.destroy(), 'could not be sent (UND_ERR_SOCKET)'],
    [
      'breaks off in the middle of its headers',
      (response) => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-'),
      'could not be sent (UND_ERR_SOCKET)',
    ],
    [
      'does not speak HTTP',
      (response) => response.socket?.end('220 mail.contoso.com ESMTP\r\n'),
      'could not be sent (HTTPParserError)',
    ],
    [
      'has endless headers',
      (response) => response.writeHead(200, { 'x-much': 'x'.repeat(64 * 1024) }).end(),
      'could not be sent (UND_ERR_HEADERS_OVERFLOW)',
    ],
  ])('is tried again when the receiver %s, with the same id and text', async (_, answer, why) => {
    receiver.answers(answer);
    await restore();
    await failed(1);
    expect(failures()).toMatchObject([{ why }]);
    receiver.answers((response) => response.writeHead(200).end());
    await clock.advance(await dueIn());
    await soon(async () => (await state()) === 'delivered');
    const [one, two, ...more] = receiver.received;
    expect(more).toEqual([]);
    expect(two?.text).toBe(one?.text);
    expect(two?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
    expect(Number(two?.headers['webhook-timestamp'])).toBeGreaterThan(Number(one?.headers['webhook-timestamp']));
    expect(two && isSignedWith(receiver.key, two)).toBe(true);
    expect(other.received).toEqual([]);
  });

  it('is given up for the time being when the receiver does not answer in time', async () => {
    receiver.answers(() => undefined);
    await restore();
    await soon(() => receiver.received.length === 1);
    await clock.advance(ATTEMPT);
    await failed(1);
    expect(failures()).toMatchObject([{ why: 'no answer in time' }]);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['never ends', (response) => response.writeHead(200).write('{')],
    ['is cut', (response) => response.writeHead(200, { 'content-length': '9' }).write('{', () => response.destroy())],
    ['is long', (response) => response.writeHead(202).end('x'.repeat(1024 * 1024))],
  ])('is made when the answer is good, though its body %s', async (_, answer) => {
    receiver.answers(answer);
    await restore();
    await soon(() => receiver.received.length === 1);
    await until(async () => (await state()) === 'delivered', { clock, by: SECOND });
    expect(failures()).toEqual([]);
  });

  it('is not made to a server that another CA vouches for', async () => {
    const at = new ManualClock(clock.now());
    const strict = await start(
      at,
      await changedSettings(neighbours, () => ({
        webhooks: [{ clientId: 'restore-desk', ...receiver.settings, caFile: other.caFile }],
      })),
    );
    await restore();
    await soon(() => strict.log().some((line) => line.includes('a webhook could not be delivered')), at);
    expect(receiver.received).toEqual([]);
    await strict.close();
  });

  it('is given up when it is too old: said in the log, counted, and its text erased', async () => {
    receiver.answers((response) => response.writeHead(503).end());
    await restore();
    for (let attempt = 1; (await state()) === 'pending'; attempt++) {
      await failed(attempt);
      const [row] = await rows();
      if (row?.state === 'pending') await clock.advance(await dueIn());
    }
    const [{ state: last, body, created_at: createdAt, ended_at: endedAt, attempts }] = await rows();
    expect({ last, body }).toEqual({ last: 'given-up', body: null });
    expect(endedAt.getTime() - createdAt.getTime()).toBeLessThan(AGE);
    expect(failures().map(({ msg }) => msg)).toEqual([
      ...Array<string>(attempts - 1).fill('a webhook could not be delivered; trying again'),
      'a webhook was given up',
    ]);
    const { text } = await gateway.app.get(Metrics).expose();
    expect(text).toContain(`webhook_deliveries_total{result="failed"} ${attempts - 1}`);
    expect(text).toContain('webhook_deliveries_total{result="given-up"} 1');
    receiver.reset();
    await clock.advance(AGE);
    await nothingMore();
    expect(receiver.received).toEqual([]);
  });

  it('shows in health and metrics when it takes long, and takes no replica out of service', async () => {
    const health = async () => (await new Caller(gateway.url, undefined).get('/health/ready')) as unknown;
    receiver.answers((response) => response.writeHead(503).end());
    await restore();
    await failed(1);
    expect(await health()).toMatchObject({ status: 200, body: { checks: { webhooks: { status: 'up' } } } });
    await clock.advance(6 * MINUTE);
    await failed(2);
    await soon(async () => !JSON.stringify(await health()).includes('"webhooks":{"status":"up"}'));
    expect(await health()).toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        checks: { webhooks: { status: 'degraded', detail: 'the oldest has waited for 6 minutes' } },
      },
    });
    await soon(async () => {
      const { text } = await gateway.app.get(Metrics).expose();
      return Number(/^webhook_oldest_pending_seconds (\S+)$/m.exec(text)?.[1]) > 300;
    });
  });

  it('to a receiver that hangs holds up no other', async () => {
    receiver.answers(() => undefined);
    for (let count = 1; count <= 12; count++) await restore();
    await clock.advance(SECOND);
    await until(() => receiver.received.length === 8);
    const oscar = await openDesk('oscar', { ...neighbours, gateway });
    await restore(oscar);
    await soon(() => other.received.length === 1);
    expect(failures()).toEqual([]);
    expect(receiver.received).toHaveLength(8);
    receiver.answers((response) => response.writeHead(200).end());
    await clock.advance(ATTEMPT);
    await soon(async () => (await rows()).every(({ state }) => state === 'delivered'));
  });

  describe('by several replicas', () => {
    it('is made once each', async () => {
      const at = new ManualClock(clock.now());
      const second = await start(at);
      const there = await openDesk('alice', { ...neighbours, gateway: second });
      const restoreOften = async (desk: Desk) => {
        for (let count = 1; count <= 6; count++) await restore(desk);
      };
      await Promise.all([restoreOften(alice), restoreOften(there)]);
      await soon(async () => {
        await at.advance(STEP);
        return (await rows()).every(({ state }) => state === 'delivered');
      });
      await Promise.all([nothingMore(), nothingMore(at)]);
      const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
      expect(ids).toHaveLength(12);
      expect(new Set(ids).size).toBe(12);
      expect((await rows()).map(({ attempts }) => attempts as number)).toEqual(Array(12).fill(1));
      await second.close();
    });

    it('is left alone by a replica that was so slow that another has taken it over', async () => {
      receiver.answers(() => undefined);
      await restore();
      await soon(() => receiver.received.length === 1);
      const at = new ManualClock(clock.now() + LEASE + SECOND);
      const second = await start(at);
      await soon(() => receiver.received.length === 2, at);
      const [takenOver] = await rows();
      await clock.advance(ATTEMPT);
      await failed(1);
      expect(await rows()).toEqual([takenOver]);
      receiver.reset();
      await second.close();
    });

    it('stays made when a replica that was slower says that it failed', async () => {
      receiver.answers(() => undefined);
      await restore();
      await soon(() => receiver.received.length === 1);
      receiver.answers((response) => response.writeHead(200).end());
      const at = new ManualClock(clock.now() + LEASE + SECOND);
      const second = await start(at);
      await soon(async () => (await state()) === 'delivered', at);
      await clock.advance(ATTEMPT);
      await failed(1);
      expect(await rows()).toMatchObject([{ state: 'delivered', body: null, attempts: 2 }]);
      await second.close();
    });
  });

  describe('after the gateway was killed', () => {
    let killed: GatewayProcess;
    let oscar: Caller;
    let path: string;

    beforeEach(async () => {
      // Proxies of the environment would be in the way, were they used.
      const proxies = { HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1', NODE_USE_ENV_PROXY: '1' };
      killed = await startGatewayProcess(neighbours, { ...environment, ...proxies });
      const desk = await openDesk('oscar', { ...neighbours, gateway: { url: killed.url, now: () => Date.now() } });
      oscar = desk.caller;
      path = `/api/v1/restore-sessions/${desk.sid}/onedrives/${desk.oneDrives.Alice}/restore`;
    });
    afterEach(() => killed.kill());

    it('between acceptance and delivery, is made after the next start', async () => {
      await other.goDown();
      const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'running');
      const { body } = await oscar.post(path, {});
      await hold.reached;
      await killed.kill();
      await other.comeUp();
      expect(await rows()).toMatchObject([{ type: 'operator-action.accepted', state: 'pending' }]);
      await soonAfterLease(() => other.received.length === 1);
      expect(other.messages()).toMatchObject([{ operation: { id: body.id } }]);
      expect(other.received.map((webhook) => isSignedWith(other.key, webhook))).toEqual([true]);
      hold.release();
    });

    it('while it was under way, is made again with the same id', async () => {
      other.answers(() => undefined);
      await oscar.post(path, {});
      await until(() => other.received.length === 1);
      await killed.kill();
      other.answers((response) => response.writeHead(200).end());
      await soonAfterLease(() => other.received.length === 2);
      const [one, two] = other.received;
      expect(two?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
      expect(two?.text).toBe(one?.text);
    });

    /** What the killed one had claimed is due again when its lease is over. */
    async function soonAfterLease(look: () => boolean) {
      const at = new ManualClock(Date.now() + LEASE + SECOND);
      const next = await start(at);
      await soon(look, at);
      await next.close();
    }
  });

  it('leaves no key in any log, whatever happened', () => {
    expect(log.some((line) => line.includes('a webhook was given up'))).toBe(true);
    for (const { key } of [receiver, other]) {
      expect(log.filter((line) => line.includes(key.slice('whsec_'.length)))).toEqual([]);
    }
  });
});
