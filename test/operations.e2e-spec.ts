import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import { AccessTokenAuthenticator, factsOf } from '@app/identity';

import { type Answer, Caller, operationIdOf } from './support/caller.js';
import { blockingDialects, dialects, type TestDialect } from './support/dialects.js';
import { emptyFolder } from './support/files.js';
import { until, whileAdvancing } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(30_000);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const QUEUE_AGE = 15 * MINUTE;
const GRACE = 5 * SECOND;
/** A lease that ends only where a test is about its end: the clock is moved far in one step. */
const LONG_LEASE = 24 * 60 * MINUTE;

const patient = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: {
    ...configuration.limits,
    sessionsPerCaller: 1_000,
    requestsPerWindow: 100_000,
    leaseMs: LONG_LEASE,
    queueAgeMs: QUEUE_AGE,
    shutdownGraceMs: GRACE,
  },
});

interface Desk {
  readonly sid: string;
  /** Of the OneDrive. */
  readonly path: string;
}

let neighbours: Neighbours;
let clock: ManualClock;
let gateway: Gateway;
let alice: Caller;

beforeAll(async () => {
  neighbours = await startNeighbours();
});
afterEach(() => {
  neighbours.veeam.control.clearFaults();
});
afterAll(() => neighbours.close());

/** One gateway for the tests of a block. */
function useGateway(dialect?: TestDialect): void {
  beforeAll(async () => {
    clock = new ManualClock(Date.now());
    gateway = await startOn(clock, dialect);
    alice = await callerAt(gateway);
  });
  afterAll(() => gateway.close());
}

function startOn(itsClock: ManualClock, dialect?: TestDialect, leaseMs = LONG_LEASE): Promise<Gateway> {
  return startGateway(neighbours, {
    clock: itsClock,
    adjust: (configuration) => ({ ...configuration, limits: { ...patient(configuration).limits, leaseMs } }),
    ...(dialect && { environment: { VEEAM_API_VERSION: dialect.version } }),
  });
}

function callerAt(at: Gateway, name = 'alice'): Promise<Caller> {
  return Caller.named(name, { sso: neighbours.sso, gateway: at });
}

async function openDesk(caller = alice, name = 'Alice'): Promise<Desk> {
  const sid = await caller.openSession();
  const oid = await caller.oneDriveNamed(sid, name);
  return { sid, path: `/api/v1/restore-sessions/${sid}/onedrives/${oid}` };
}

function restore({ path }: Desk, caller = alice, prefer?: string): Promise<Answer> {
  return caller.post(`${path}/restore`, {}, prefer === undefined ? {} : { prefer });
}

function holdRestores() {
  neighbours.veeam.control.clearReceived();
  return neighbours.veeam.control.hold({ action: 'restore' }, 'running');
}

const moving = () => ({ clock, by: SECOND });

/** An operation in that state, which it is in or comes to. */
const inState = (id: string, state: string) =>
  until(async () => {
    const operation = await alice.operation(id);
    return operation.state === state && operation;
  }, moving());

const endOf = (id: string) => alice.endOf(id, moving());

/** The operations that were answered with, all of them ended. */
async function endsOf(answers: readonly Answer[]) {
  const ends: Answer['body'][] = [];
  for (const { body } of answers) ends.push(await endOf(body.id as string));
  return ends;
}

/** What was answered to requests that wait, with the time that they take. */
const answersOf = <T>(answers: Promise<T>) => whileAdvancing({ clock, by: 100 }, answers);

const accepted = () => neighbours.veeam.control.actions();
const sent = () => neighbours.veeam.control.received().filter(({ action }) => action === 'restore');

/** As her token says. */
async function principalOfAlice() {
  const authorization = ['authorization', `Bearer ${alice.token ?? ''}`];
  return (await gateway.app.get(AccessTokenAuthenticator).authenticate(authorization)).principal;
}

async function rows(sql: string, parameters: unknown[] = []) {
  const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
  await owner.connect();
  try {
    return (await owner.query<Record<string, unknown>>(sql, parameters)).rows;
  } finally {
    await owner.end();
  }
}

describe.each(dialects)('an operation on $version', (dialect) => {
  useGateway(dialect);

  it('is answered with 202 and its place at once, while upstream still works', async () => {
    const desk = await openDesk();
    const hold = holdRestores();
    const answer = await restore(desk);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('operation-location')).toMatch(new RegExp(`/api/v1/operations/${answer.body.id}$`));
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.body).toMatchObject({ action: 'restore', restoreSessionId: desk.sid });
    await hold.reached;
    await inState(answer.body.id as string, dialect.heldState);

    hold.release();
    expect(await endOf(answer.body.id as string)).toMatchObject({
      state: 'succeeded',
      outcome: { total: 5, failed: 0, issues: [] },
    });
    expect(sent()).toHaveLength(1);
  });

  it('that found nothing changed succeeds, and notes that it restored nothing', async () => {
    await emptyFolder(neighbours.veeam.productionDir);
    const desk = await openDesk();
    const first = await answersOf(restore(desk, alice, 'wait=60'));
    expect(first.body).toMatchObject({ state: 'succeeded', outcome: { restored: 5, skipped: 0 } });
    expect(first.body.outcome).not.toHaveProperty('note');

    const second = await answersOf(restore(desk, alice, 'wait=60'));
    const note = expect.stringMatching(dialect.noteOfNoChange) as string;
    const counts = { total: 5, restored: 0, failed: 0, skipped: 5 };
    expect(second.body).toMatchObject({ state: 'succeeded', outcome: { ...counts, note } });
    expect((await alice.operation(second.body.id as string)).outcome).toMatchObject({ note });
  });

  it('tells how far it is, until it has ended', async () => {
    await emptyFolder(neighbours.veeam.productionDir);
    const hold = neighbours.veeam.control.hold({ action: 'restore' }, 'item');
    const { body } = await restore(await openDesk());
    hold.step(1);
    await hold.reachedBy(2);
    const told = async () =>
      (await alice.operation(body.id as string)).progress as { activities: string[] } | undefined;
    await until(async () => {
      const { activities = [], ...numbers } = (await told()) ?? {};
      return activities.length > 0 && isDeepStrictEqual(numbers, dialect.progress);
    }, moving());
    hold.release();
    const ended = await endOf(body.id as string);
    expect(ended).toMatchObject({ state: 'succeeded', outcome: { total: 5, restored: 5 } });
    expect(ended).not.toHaveProperty('progress');
  });

  describe('with Prefer: wait', () => {
    it('is answered with 200 as soon as it ends', async () => {
      const desk = await openDesk();
      const hold = holdRestores();
      const answer = restore(desk, alice, 'wait=60');
      await hold.reached;
      hold.release();
      expect(await answersOf(answer)).toMatchObject({ status: 200, body: { state: 'succeeded' } });
      expect((await answer).headers.get('preference-applied')).toBe('wait=60');
    });

    it('is answered with 202 when it has not ended in time', async () => {
      const hold = holdRestores();
      const answer = restore(await openDesk(), alice, 'wait=7');
      await hold.reached;
      expect(await whileAdvancing(moving(), answer)).toMatchObject({ status: 202, body: { state: dialect.heldState } });
      expect((await answer).headers.get('preference-applied')).toBe('wait=7');
      hold.release();
      await endOf(operationIdOf((await answer).headers));
    });
  });

  describe('in a restore session that is busy', () => {
    it('waits for its turn and runs after the other', async () => {
      const desk = await openDesk();
      const hold = holdRestores();
      const first = await restore(desk);
      await hold.reached;
      const second = await restore(desk);
      expect(second).toMatchObject({ status: 202, body: { state: 'accepted' } });
      expect(second.body).not.toHaveProperty('startedAt');
      await clock.advance(MINUTE); // the queue is looked at again, and must leave it there
      expect(await alice.operation(second.body.id as string)).toMatchObject({ state: 'accepted' });
      expect(sent()).toHaveLength(1);

      hold.release();
      await endOf(second.body.id as string);
      const [one, two] = await Promise.all([first, second].map(({ body }) => alice.operation(body.id as string)));
      expect([one.state, two.state]).toEqual(['succeeded', 'succeeded']);
      expect(Date.parse(two.startedAt as string)).toBeGreaterThanOrEqual(Date.parse(one.endedAt as string));
      expect(accepted()).toHaveLength(2);
    });

    it('never runs beside another, however many are asked for at once', async () => {
      const desk = await openDesk();
      let most = 0;
      const hold = holdRestores();
      const answers = await Promise.all(Array.from({ length: 8 }, () => restore(desk)));
      await hold.reached;
      await clock.advance(MINUTE);
      expect(hold.waiting).toBe(1);
      hold.release();
      const watch = setInterval(() => {
        most = Math.max(most, accepted().filter(({ state }) => state === 'running').length);
      }, 1);
      const ends = await endsOf(answers);
      clearInterval(watch);
      expect(ends.map(({ state }) => state as string)).toEqual(Array(8).fill('succeeded'));
      expect(most).toBeLessThanOrEqual(1);
      expect(accepted()).toHaveLength(8);
    });

    it('leaves other restore sessions alone: theirs run at the same time', async () => {
      const desks = [await openDesk(), await openDesk()];
      const hold = holdRestores();
      const answers = await Promise.all(desks.map((desk) => restore(desk)));
      await hold.reachedBy(2);
      expect(hold.waiting).toBe(2);
      hold.release();
      await endsOf(answers);
    });

    it('can be canceled, and is never sent then', async () => {
      const desk = await openDesk();
      const hold = holdRestores();
      const first = await restore(desk);
      await hold.reached;
      const second = await restore(desk);
      const path = `/api/v1/operations/${second.body.id}`;
      expect((await alice.delete(path)).status).toBe(204);
      expect((await alice.delete(path)).status).toBe(204);
      expect(await alice.operation(second.body.id as string)).toMatchObject({ state: 'canceled' });
      hold.release();
      await endOf(first.body.id as string);
      await clock.advance(MINUTE);
      expect(await alice.operation(second.body.id as string)).toMatchObject({ state: 'canceled' });
      expect(sent()).toHaveLength(1);
    });

    it('keeps its restore session from being stopped', async () => {
      const desk = await openDesk();
      const hold = holdRestores();
      const { body } = await restore(desk);
      await hold.reached;
      expect(await alice.delete(`/api/v1/restore-sessions/${desk.sid}`)).toMatchObject({
        status: 409,
        body: { code: 'operation-conflict' },
      });
      hold.release();
      await endOf(body.id as string);
      expect((await alice.delete(`/api/v1/restore-sessions/${desk.sid}`)).status).toBe(204);
    });
  });

  it('that runs cannot be canceled, nor one that has ended', async () => {
    const desk = await openDesk();
    const hold = holdRestores();
    const { body } = await restore(desk);
    await hold.reached;
    const path = `/api/v1/operations/${body.id}`;
    const refusal = await alice.delete(path);
    expect(refusal).toMatchObject({ status: 409, body: { code: 'operation-conflict' } });
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0);
    hold.release();
    expect(await endOf(body.id as string)).toMatchObject({ state: 'succeeded' });
    expect(await alice.delete(path)).toMatchObject({ status: 409, body: { code: 'operation-conflict' } });
  });

  /** A restore that a replica claimed and whose lease is over. */
  async function leftBehind(desk: Desk, sentAt?: Date): Promise<string> {
    const id = randomUUID();
    const now = clock.now();
    const { body } = await answersOf(restore(desk, alice, 'wait=60'));
    await rows(
      `insert into operations (id, action, state, owner_issuer, owner_subject, principal, on_own_onedrive, organization_id,
         organization_name, restore_session_id, upstream_session_id, item, request, credential, request_id, requested_at,
         started_at, sent_at, lease_until, epoch)
       select $1, 'restore', 'submitting', owner_issuer, owner_subject, $2, true, organization_id,
         organization_name, restore_session_id, upstream_session_id, item,
         '{"action":"restore","documentVersion":"last","documentAction":"keep"}', credential, 'r', $3, $3, $4, $5, 1
       from operations where id = $6`,
      [
        id,
        JSON.stringify(factsOf(await principalOfAlice())),
        new Date(now - 2 * MINUTE),
        sentAt,
        new Date(now - MINUTE),
        body.id,
      ],
    );
    neighbours.veeam.control.clearReceived();
    return id;
  }

  /** Beside a replica that has been there for a lease of its own before long. */
  async function withShortLease(work: () => Promise<unknown>): Promise<void> {
    const there = await startOn(clock, dialect, MINUTE);
    try {
      await work();
    } finally {
      await whileAdvancing(moving(), there.close());
    }
  }

  it('that a dead replica left behind is interrupted, not sent again, and frees its restore session', async () => {
    const desk = await openDesk();
    const id = await leftBehind(desk, new Date(clock.now() - 2 * MINUTE));
    await withShortLease(() => until(async () => (await alice.operation(id)).state !== 'submitting', moving()));
    expect(await alice.operation(id)).toMatchObject({
      state: 'interrupted',
      problem: { code: 'upstream-broken', detail: expect.stringMatching(/may have been done/) as string },
    });
    await clock.advance(MINUTE);
    expect(sent()).toHaveLength(0);

    const next = await answersOf(restore(desk, alice, 'wait=60'));
    expect(next).toMatchObject({ status: 200, body: { state: 'succeeded' } });
  });

  it('that a dead replica had not begun to send is done by another', async () => {
    const id = await leftBehind(await openDesk());
    await withShortLease(() => until(async () => (await alice.operation(id)).state === 'succeeded', moving()));
    expect(sent()).toHaveLength(1);
  });

  describe('where two gateways share a database', () => {
    let other: Gateway;
    let otherClock: ManualClock;
    let aliceThere: Caller;

    beforeAll(async () => {
      otherClock = new ManualClock(clock.now());
      other = await startOn(otherClock, dialect);
      aliceThere = await callerAt(other);
    });
    afterAll(() => other.close());

    const bothClocks = {
      advance: async (ms: number) => {
        await clock.advance(ms);
        await otherClock.advance(ms);
      },
    };

    it('is seen and waited for on one though it runs on the other', async () => {
      const desk = await openDesk();
      const hold = holdRestores();
      const first = await restore(desk);
      await hold.reached;
      await inState(first.body.id as string, dialect.heldState);
      expect(await aliceThere.operation(first.body.id as string)).toMatchObject({ state: dialect.heldState });
      const path = `/api/v1/operations/${first.body.id}`;
      expect(await aliceThere.delete(path)).toMatchObject({ status: 409 });

      const second = restore(desk, aliceThere, 'wait=60');
      await until(async () => {
        const { body } = await alice.get('/api/v1/operations');
        return body.items.some(({ state }: { state: string }) => state === 'accepted') as boolean;
      });
      hold.release();
      const answer = await whileAdvancing({ clock: bothClocks, by: 100 }, second);
      expect(answer).toMatchObject({ status: 200, body: { state: 'succeeded' } });
      expect(await alice.operation(first.body.id as string)).toMatchObject({ state: 'succeeded' });
      expect(accepted()).toHaveLength(2);
    });

    it('is sent once, however many are asked for on both', async () => {
      const desk = await openDesk();
      holdRestores().release();
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => restore(desk, i % 2 === 0 ? alice : aliceThere)),
      );
      const isOver = async () => {
        const states = await Promise.all(answers.map(({ body }) => alice.operation(body.id as string)));
        return states.every(({ state }) => state === 'succeeded');
      };
      await until(isOver, { clock: bothClocks, by: SECOND });
      expect(accepted()).toHaveLength(10);
      expect(sent()).toHaveLength(10);
    });
  });
});

describe.each(blockingDialects)('an operation on $version, when the gateway is stopped,', (dialect) => {
  useGateway(dialect);

  let stopping: Gateway;
  let stoppingClock: ManualClock;
  let caller: Caller;

  beforeEach(async () => {
    stoppingClock = new ManualClock(clock.now());
    stopping = await startOn(stoppingClock, dialect);
    caller = await callerAt(stopping);
  });

  it('gets the time to end', async () => {
    const desk = await openDesk(caller);
    const hold = holdRestores();
    const { body } = await restore(desk, caller);
    await hold.reached;
    let isClosed = false;
    const closed = stopping.close().finally(() => (isClosed = true));
    await alice.get('/api/v1/operations');
    expect(isClosed).toBe(false);
    hold.release();
    await closed;
    expect(await alice.operation(body.id as string)).toMatchObject({ state: 'succeeded' });
  });

  it('is broken off after the grace, and what is left of it is not sent again', async () => {
    const desk = await openDesk(caller);
    const hold = holdRestores();
    const running = await restore(desk, caller);
    await hold.reached;
    let isClosed = false;
    const closed = stopping.close().finally(() => (isClosed = true));
    await alice.get('/api/v1/operations');
    await stoppingClock.advance(GRACE - 1);
    await alice.get('/api/v1/operations');
    expect(isClosed).toBe(false);
    await whileAdvancing({ clock: stoppingClock, by: 1 }, closed);
    expect(await alice.endOf(running.body.id as string)).toMatchObject({ state: 'interrupted' });
    hold.release();
    await clock.advance(MINUTE);
    expect(sent()).toHaveLength(1);
  });
});

describe('an operation on any version', () => {
  useGateway();

  it('of somebody else does not exist', async () => {
    const { body } = await restore(await openDesk(), alice, 'wait=60');
    const bob = await callerAt(gateway, 'bob');
    const path = `/api/v1/operations/${body.id}`;
    expect(await bob.get(path)).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(await bob.delete(path)).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect((await bob.get('/api/v1/operations')).body.items).toEqual([]);
  });

  it('that is a mail keeps subject and text until it is final and no longer', async () => {
    const oscar = await callerAt(gateway, 'oscar');
    const { path } = await openDesk(oscar);
    neighbours.veeam.control.clearReceived();
    const hold = neighbours.veeam.control.hold({ action: 'send' }, 'running');
    const mail = { to: 'bob@contoso.onmicrosoft.com', subject: 'Confidential subject', text: 'Confidential text' };
    const { body } = await oscar.post(`${path}/send`, mail);
    await hold.reached;
    const row = async () => JSON.stringify(await rows('select * from operations where id = $1', [body.id]));
    expect(await row()).toMatch(/Confidential subject/);
    hold.release();
    expect(await oscar.endOf(body.id as string)).toMatchObject({ action: 'send', state: 'succeeded' });
    expect(accepted()).toMatchObject([{ action: 'send', options: { subject: mail.subject, text: mail.text } }]);
    expect(await row()).not.toMatch(/Confidential/);
  });

  it('that waits fails with a clear problem when its turn does not come within the queue age', async () => {
    const desk = await openDesk();
    const hold = holdRestores();
    const first = await restore(desk);
    await hold.reached;
    const { body } = await restore(desk);
    const id = body.id as string;
    await clock.advance(QUEUE_AGE - MINUTE);
    expect(await alice.operation(id)).toMatchObject({ state: 'accepted' });
    const isFinal = async () => (await alice.operation(id)).state !== 'accepted';
    await until(isFinal, { clock, by: 5 * SECOND });
    expect(await alice.operation(id)).toMatchObject({
      state: 'failed',
      problem: { code: 'operation-conflict', detail: expect.stringMatching(/waited too long/) as string },
    });
    hold.release();
    await endOf(first.body.id as string);
    expect(sent()).toHaveLength(1);
  });

  describe('with Prefer: wait', () => {
    it('is answered with 200 when it failed in time: the wait is for the end, whatever it is', async () => {
      neighbours.veeam.control.addFault({
        match: { action: 'restore' },
        fault: { kind: 'answer', status: 500, body: { message: 'no' } },
      });
      expect(await restore(await openDesk(), alice, 'wait=60')).toMatchObject({
        status: 200,
        body: { state: 'failed' },
      });
    });

    it.each([
      { prefer: 'wait=7', seconds: 7 },
      { prefer: 'respond-async, wait=7', seconds: 7 },
      { prefer: 'wait=60', seconds: 60 },
      { prefer: 'wait=61', seconds: 60 },
      { prefer: 'wait=86400', seconds: 60 },
    ])('$prefer is answered with 202 after $seconds s', async ({ prefer, seconds }) => {
      const desk = await openDesk();
      const hold = holdRestores();
      let isAnswered = false;
      const answer = restore(desk, alice, prefer).finally(() => (isAnswered = true));
      await hold.reached;
      await alice.get('/api/v1/operations'); // a round trip later the request waits for sure
      await clock.advance((seconds - 1) * SECOND);
      await alice.get('/api/v1/operations');
      expect(isAnswered).toBe(false);
      await whileAdvancing({ clock, by: 100 }, answer);
      expect(await answer).toMatchObject({ status: 202, body: { state: 'submitting' } });
      expect((await answer).headers.get('preference-applied')).toBe(`wait=${seconds}`);
      hold.release();
      await alice.endOf(operationIdOf((await answer).headers));
    });

    it.each(['wait=0', 'wait', 'wait=', 'wait=-1', 'wait=1.5', 'wait=soon', 'await=7', 'respond-async', ';;,=,wait=x'])(
      '%s does not wait',
      async (prefer) => {
        const desk = await openDesk();
        const hold = holdRestores();
        const answer = await restore(desk, alice, prefer); // the gateway's clock stands still
        expect(answer.status).toBe(202);
        expect(answer.headers.has('preference-applied')).toBe(false);
        hold.release();
        await alice.endOf(answer.body.id as string);
      },
    );
  });
});
