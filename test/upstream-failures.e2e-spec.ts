import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';
import pg from 'pg';

import { freePort } from '../scripts/free-port.js';
import { type Answer, Caller } from './support/caller.js';
import { type Desk, openDesk } from './support/desk.js';
import { dialects } from './support/dialects.js';
import { auditRecords } from './support/trail.js';
import { until, whileAdvancing } from './support/until.js';
import { actionRequests } from './support/upstream.js';
import { type Gateway, type GatewayOptions, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(30_000);

const ORGANIZATIONS = '/api/v1/organizations';

const roomy = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, sessionsPerCaller: 1_000, requestsPerWindow: 100_000 },
});

describe('a gateway whose upstream', () => {
  let neighbours: Neighbours;
  const gateways: Gateway[] = [];

  beforeAll(async () => {
    neighbours = await startNeighbours();
  });
  beforeEach(() => {
    neighbours.veeam.control.reset();
  });
  afterEach(async () => {
    neighbours.veeam.control.clearFaults();
    await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  });
  afterAll(() => neighbours.close());

  async function gatewayWith(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = await startGateway(neighbours, { adjust: roomy, ...options });
    gateways.push(gateway);
    return gateway;
  }

  function callerAt(gateway: Gateway, name = 'alice'): Promise<Caller> {
    return Caller.named(name, { sso: neighbours.sso, gateway });
  }

  /** What others did at the same time keeps upstream's log from telling about one operation. */
  async function forgetOperations(): Promise<void> {
    const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
    await owner.connect();
    await owner.query('truncate operations cascade');
    await owner.end();
  }

  const deskAt = (gateway: Gateway) => openDesk('alice', { ...neighbours, gateway });
  const logins = () => neighbours.veeam.control.received().filter(({ route }) => route === 'token');
  const readiness = async (gateway: Gateway) => new Caller(gateway.url, undefined).get('/health/ready');

  describe('no longer takes the token', () => {
    it('logs in once for 50 calls at the same time, which then all succeed', async () => {
      const oscar = await callerAt(await gatewayWith(), 'oscar');
      const sid = await oscar.openSession();
      const { control } = neighbours.veeam;
      control.expireAccessTokens();
      control.clearReceived();
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => oscar.get(`/api/v1/restore-sessions/${sid}/onedrives`)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
      expect(control.received().some(({ status }) => status === 401)).toBe(true);
      expect(logins()).toHaveLength(1);
    });
  });

  it('takes the login again after a refusal is used again', async () => {
    const clock = new ManualClock(Date.now());
    const alice = await callerAt(await gatewayWith({ clock }));
    neighbours.veeam.control.refuseLogin();
    expectProblem(await alice.get(ORGANIZATIONS), 502, 'upstream-login-failed');
    neighbours.veeam.control.refuseLogin(false);
    await clock.advance(60_000);
    expect((await alice.get(ORGANIZATIONS)).status).toBe(200);
  });

  describe('shows a certificate', () => {
    it('that nobody vouches for is sent nothing', async () => {
      await expectUntrusted({ VEEAM_CA_FILE: '' });
    });

    it('of the CA in VEEAM_CA_FILE is used', async () => {
      const alice = await callerAt(await gatewayWith());
      expect((await alice.get(ORGANIZATIONS)).status).toBe(200);
    });

    it('with the pinned fingerprint is used', async () => {
      const colons = neighbours.veeam.fingerprint.toUpperCase().match(/../g)?.join(':') ?? '';
      for (const pin of [neighbours.veeam.fingerprint, colons]) {
        const environment = { VEEAM_CA_FILE: '', VEEAM_CERT_FINGERPRINT: pin };
        const alice = await callerAt(await gatewayWith({ environment }));
        expect((await alice.get(ORGANIZATIONS)).status).toBe(200);
      }
    });

    it('with another fingerprint than the pinned one is sent nothing', async () => {
      const another = neighbours.veeam.fingerprint.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
      await expectUntrusted({ VEEAM_CA_FILE: '', VEEAM_CERT_FINGERPRINT: another });
    });

    async function expectUntrusted(environment: Record<string, string>): Promise<void> {
      const gateway = await gatewayWith({ environment });
      const answer = await (await callerAt(gateway)).get(ORGANIZATIONS);
      expectProblem(answer, 503, 'upstream-unavailable');
      expect(answer.body.detail).toMatch(/certificate/);
      expect(await readiness(gateway)).toMatchObject({
        status: 503,
        body: { checks: { upstream: { status: 'down', code: 'upstream-unavailable' } } },
      });
      expect(neighbours.veeam.control.received()).toEqual([]);
    }
  });

  it('is not there is 503 with Retry-After', async () => {
    const gateway = await gatewayWith({ environment: { VEEAM_URL: `https://127.0.0.1:${await freePort()}` } });
    const answer = await (await callerAt(gateway)).get(ORGANIZATIONS);
    expectProblem(answer, 503, 'upstream-unavailable');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await readiness(gateway)).toMatchObject({
      status: 503,
      body: { checks: { upstream: { code: 'upstream-unavailable' } } },
    });
  });

  it('never answers is 504 in the end', async () => {
    const clock = new ManualClock(Date.now());
    const gateway = await gatewayWith({ clock });
    expect((await readiness(gateway)).status).toBe(200);
    const hold = neighbours.veeam.control.hold({ method: 'GET' });
    const answer = (await callerAt(gateway)).get(ORGANIZATIONS);
    await hold.reached;
    const { status, body } = await whileAdvancing({ clock, by: 5_000 }, answer);
    expect({ status, body: body as unknown }).toMatchObject({ status: 504, body: { code: 'upstream-timeout' } });
  });

  it('answers with what is not JSON is 502', async () => {
    const gateway = await gatewayWith();
    const alice = await callerAt(gateway);
    neighbours.veeam.control.addFault({
      match: { route: 'Organizations' },
      fault: { kind: 'answer', status: 200, body: '<html>a proxy</html>' },
    });
    const answer = await alice.get(ORGANIZATIONS);
    expectProblem(answer, 502, 'upstream-broken');
    expect(JSON.stringify(answer.body)).not.toContain('a proxy');
    const told = gateway.log().find((line) => line.includes('"code":"upstream-broken"'));
    expect(JSON.parse(told ?? '')).toMatchObject({ level: 'warn', backupServer: 'default' });
  });

  it('refuses the connection when an action comes leaves it waiting and unsent, and gets it once it listens again', async () => {
    const clock = new ManualClock(Date.now());
    const door = await openDoor(new URL(neighbours.veeam.url).port);
    try {
      const gateway = await gatewayWith({ clock, environment: { VEEAM_URL: door.url } });
      const desk = await deskAt(gateway);
      const { caller: alice } = desk;
      neighbours.veeam.control.clearReceived();
      await door.shut(); // reads go on over the connections that stand, an action takes a new one
      const { body } = await act(desk, 'restore');
      const moving = { clock, by: 100 };
      const failures = () => gateway.log().filter((line) => line.includes('operation failed'));
      await until(() => failures().length > 0, moving);
      expect(JSON.parse(failures()[0] ?? '')).toMatchObject({ operationId: body.id, backupServer: 'default' });
      await until(async () => (await alice.operation(body.id as string)).state === 'accepted');
      expect(actionRequests(neighbours.veeam.control)).toEqual([]);
      await door.open();
      await until(async () => (await alice.operation(body.id as string)).state === 'succeeded', { clock, by: 1_000 });
      expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
    } finally {
      await door.remove();
    }
  });

  it('has no e-mail set up is 409 for a mail, and sent nothing', async () => {
    const oscar = await callerAt(await gatewayWith(), 'oscar');
    const sid = await oscar.openSession();
    const oid = await oscar.oneDriveNamed(sid, 'Alice');
    const { control } = neighbours.veeam;
    control.setEmail('vesp', { enableNotification: false });
    control.setEmail('veod', { enableNotification: false });
    const mail = { to: 'bob@contoso.onmicrosoft.com', subject: 'Files', text: 'Here they are.' };
    const answer = await oscar.post(`/api/v1/restore-sessions/${sid}/onedrives/${oid}/send`, mail);
    expectProblem(answer, 409, 'email-not-set-up');
    expect(actionRequests(control)).toEqual([]);
    expect((await oscar.get('/api/v1/operations?limit=1')).body.items).toEqual([]);
  });

  describe.each(dialects)('of $version', (dialect) => {
    const environment = { VEEAM_API_VERSION: dialect.version };

    it('no longer takes the token is logged in to again for an action, which takes effect once', async () => {
      const desk = await deskAt(await gatewayWith({ environment }));
      const { control } = neighbours.veeam;
      const hold = control.hold({ route: 'Organization/OneDrives/{oneDriveId}' });
      const answer = restore(desk);
      await hold.reached; // the action comes next, with a token that is good no more
      control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', status: 401 } });
      hold.release();
      expect(await answer).toMatchObject({ status: 200, body: { state: 'succeeded' } });
      expect(actionRequests(control).map(({ status }) => status)).toEqual([401, 200]);
      expect(control.actions()).toHaveLength(1);
    });

    it('refuses the login is 502, says so in its readiness, and is not asked over and over', async () => {
      const clock = new ManualClock(Date.now());
      const gateway = await gatewayWith({
        clock,
        environment: { ...environment, VEEAM_PASSWORD_FILE: '', VEEAM_PASSWORD: 'not-the-password' },
      });
      const alice = await callerAt(gateway);
      const answers = await Promise.all(Array.from({ length: 20 }, () => alice.get(ORGANIZATIONS)));
      for (const answer of answers) {
        expectProblem(answer, 502, 'upstream-login-failed');
        expect(answer.headers.has('www-authenticate')).toBe(false); // it is not the caller's token
      }
      const ready = await readiness(gateway);
      expect(ready).toMatchObject({
        status: 503,
        body: {
          status: 'not-ready',
          checks: { upstream: { status: 'down', code: 'upstream-login-failed' }, store: { status: 'up' } },
        },
      });
      expect(JSON.stringify([ready, answers])).not.toContain('not-the-password');
      expect(logins()).toHaveLength(1);
      expect(neighbours.veeam.control.received()).toHaveLength(1);
      expect((await new Caller(gateway.url, undefined).get('/health/live')).status).toBe(200);
    });

    it.each([
      ['received', 'not-done'],
      ['done', 'done'],
    ] as const)(
      'gets a restore and loses the connection (%s) leaves it interrupted, never sends it again, and finds out that it was %s',
      async (stage, finding) => {
        await forgetOperations();
        const clock = new ManualClock(Date.now());
        const alone = await deskAt(await gatewayWith({ environment, clock }));
        const { control } = neighbours.veeam;
        control.clearReceived();
        control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage } });
        const { body } = await act(alone, 'restore');
        const interrupted = await alone.caller.endOf(body.id as string);
        expect(interrupted).toMatchObject({ state: 'interrupted', problem: { code: 'upstream-broken' } });
        expect(interrupted).not.toHaveProperty('outcome');
        const session = `/api/v1/restore-sessions/${alone.sid}`;
        expect(await alone.caller.delete(session)).toMatchObject({ status: 409 });

        const moving = { clock, by: 10_000 };
        const found = async () =>
          (await alone.caller.operation(body.id as string)).reconciliation as object | undefined;
        expect(await until(found, moving)).toMatchObject({ finding });
        const records = (await auditRecords(neighbours)).filter(({ operationId }) => operationId === body.id);
        expect(records.at(-1)).toMatchObject({ action: 'operation.reconciled', outcome: finding });
        expect(actionRequests(control)).toHaveLength(1);
        // The next one goes its own way: nothing of the lost one is made up for.
        const { body: next } = await act(alone, 'restore');
        const end = await alone.caller.endOf(next.id as string, { clock, by: 250 });
        expect(end).toMatchObject({ state: 'succeeded' });
        expect(actionRequests(control)).toHaveLength(2);
        expect((await alone.caller.delete(session)).status).toBe(204);
      },
    );

    if (dialect.heldState === 'submitting') {
      it('tells of thousands of items that failed ends the restore all the same', async () => {
        const desk = await deskAt(await gatewayWith({ environment }));
        const restoreIssues = Array.from({ length: 12_000 }, (_, item) => ({
          id: `${item}`,
          path: `/Documents/${'folder/'.repeat(50)}${item}.txt`,
          title: `${item}.txt`,
          error: 'The file is locked.',
        }));
        const counts = { totalItemsCount: 12_010, restoredItemsCount: 10, failedItemsCount: 12_000 };
        const body = { ...counts, restoreIssues, skippedItemsByErrorCount: 0, skippedItemsByNoChangesCount: 0 };
        neighbours.veeam.control.addFault({
          match: { action: 'restore' },
          fault: { kind: 'answer', status: 200, body },
        });
        expect((await restore(desk)).body).toMatchObject({
          state: 'partially-succeeded',
          outcome: {
            total: 12_010,
            restored: 10,
            failed: 12_000,
            skipped: 0,
          },
        });
      });
    }

    describe('gets a restore and', () => {
      let gateway: Gateway;
      let desk: Desk;

      beforeAll(async () => {
        gateway = await startGateway(neighbours, { adjust: roomy, environment });
      });
      afterAll(() => gateway.close());
      beforeEach(async () => {
        desk = await deskAt(gateway);
        neighbours.veeam.control.clearReceived();
      });

      it.each([
        { status: 500, code: 'upstream-rejected' },
        { status: 400, code: 'upstream-rejected' },
        { status: 403, code: 'upstream-rejected' },
      ])('answers with $status leaves it failed', async ({ status, code }) => {
        const body = { message: 'words of the backup server', stackTrace: 'at Veeam' };
        neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', status, body } });
        const answer = await restore(desk);
        expect(answer).toMatchObject({ status: 200, body: { state: 'failed', problem: { code } } });
        expect(JSON.stringify(answer.body)).not.toMatch(/words of the backup server|at Veeam/);
        expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
      });

      it.each([502, 504])('has a proxy that answers with %d leaves it interrupted', async (status) => {
        neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'answer', status } });
        expect(await restore(desk)).toMatchObject({ status: 200, body: { state: 'interrupted' } });
        expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
      });

      it('loses the connection before it begins leaves it interrupted, and the next one goes its own way', async () => {
        const { control } = neighbours.veeam;
        control.addFault({ match: { action: 'restore' }, fault: { kind: 'close', stage: 'running' } });
        expect(await restore(desk)).toMatchObject({ status: 200, body: { state: 'interrupted' } });
        expect(await restore(desk)).toMatchObject({ status: 200, body: { state: 'succeeded' } });
        expect(actionRequests(control)).toHaveLength(2);
      });

      it('answers with garbage leaves it interrupted: it may have been done', async () => {
        neighbours.veeam.control.addFault({
          match: { action: 'restore' },
          fault: { kind: 'answer', status: 200, body: 'garbage' },
        });
        expect(await restore(desk)).toMatchObject({ status: 200, body: { state: 'interrupted' } });
      });

      it('fails for some of it leaves it partially succeeded, with what went wrong', async () => {
        neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', failures: 2 } });
        const { status, body } = await restore(desk);
        expect(status).toBe(200);
        expect(body).toMatchObject({ state: 'partially-succeeded', outcome: { failed: 2 } });
        const { total, restored, skipped } = body.outcome as Record<'total' | 'restored' | 'skipped', number>;
        expect(restored + skipped).toBe(total - 2);
        expect(body.outcome.issues).toHaveLength(2);
        expect(body.outcome.issues[0]).toMatchObject({
          path: expect.any(String) as string,
          severity: 'error',
          message: 'Access to the item was denied.',
        });
      });

      it('fails for all of it leaves it failed, though upstream said 200', async () => {
        neighbours.veeam.control.addFault({
          match: { action: 'restore' },
          fault: { kind: 'outcome', failures: 1_000 },
        });
        const { body } = await restore(desk);
        expect(body).toMatchObject({ state: 'failed', outcome: { restored: 0 } });
        expect(body.outcome.failed).toBe(body.outcome.total);
        expect(body.outcome.total).toBeGreaterThan(0);
      });

      it('finds nothing changed leaves it succeeded with everything skipped', async () => {
        neighbours.veeam.control.addFault({
          match: { action: 'restore' },
          fault: { kind: 'outcome', nothingRestored: true },
        });
        const { body } = await restore(desk);
        expect(body).toMatchObject({ state: 'succeeded', outcome: { restored: 0, failed: 0, issues: [] } });
        expect(body.outcome.skipped).toBe(body.outcome.total);
      });

      it('breaks off in the middle leaves it failed', async () => {
        const outcome = { failures: 1, breaksOff: 'words of the backup server', breaksOffAt: 1 };
        neighbours.veeam.control.addFault({ match: { action: 'restore' }, fault: { kind: 'outcome', ...outcome } });
        const { body } = await restore(desk);
        expect(body).toMatchObject({ state: 'failed' });
      });

      it('says how it ended in characters that no database holds is recorded with others in their place', async () => {
        const words = 'NUL \0, half a pair \ud83d and a whole one 😀';
        const counts = { totalItemsCount: 1, restoredItemsCount: 0, failedItemsCount: 1 };
        neighbours.veeam.control.addFault({
          match: { action: 'restore' },
          fault:
            dialect.heldState === 'following'
              ? { kind: 'outcome', breaksOff: words }
              : { kind: 'answer', status: 200, body: { ...counts, restoreIssues: [{ title: words, error: words }] } },
        });
        const { body } = await restore(desk);
        expect(body).toMatchObject({ state: 'failed' });
        const messages = (body.outcome.issues as { message: string }[]).map(({ message }) => message);
        expect(messages).toContain('NUL \ufffd, half a pair \ufffd and a whole one 😀');
      });

      it(`answers with nothing at all leaves it ${dialect.emptyAnswer} without an outcome`, async () => {
        neighbours.veeam.control.addFault({
          match: { action: 'restore' },
          fault: { kind: 'outcome', emptyBody: true },
        });
        const { body } = await restore(desk);
        expect(body).toMatchObject({ state: dialect.emptyAnswer });
        expect(body).not.toHaveProperty('outcome');
        expect(actionRequests(neighbours.veeam.control)).toHaveLength(1);
      });
    });
  });
});

describe('a gateway whose database', () => {
  let neighbours: Neighbours;

  beforeEach(async () => {
    neighbours = await startNeighbours();
  });
  afterEach(() => neighbours.close());

  it('cannot be reached answers 503 and sends nothing upstream', async () => {
    const gateway = await startGateway(neighbours, {
      environment: {
        DATABASE_URL_FILE: '',
        DATABASE_URL: `postgresql://nobody:nothing@127.0.0.1:${await freePort()}/nowhere`,
      },
    });
    try {
      const alice = await Caller.named('alice', { sso: neighbours.sso, gateway });
      const sid = '11111111-1111-4111-8111-111111111111';
      const path = `/api/v1/restore-sessions/${sid}/onedrives/some-onedrive`;
      await expectStoreUnavailable(() => alice.get('/api/v1/operations'));
      await expectStoreUnavailable(() => alice.post(`${path}/restore`, {}));
      await expectStoreUnavailable(() => alice.post(`${path}/save`, {}));
      expect(neighbours.veeam.control.received()).toEqual([]);
      await expectNotReady(gateway);
    } finally {
      await gateway.close();
    }
  });

  it('is lost while it runs answers 503 and sends nothing upstream', async () => {
    const gateway = await startGateway(neighbours);
    try {
      const desk = await openDesk('alice', { ...neighbours, gateway });
      const { control } = neighbours.veeam;
      control.clearReceived();
      await neighbours.database.drop();
      await expectStoreUnavailable(() => desk.caller.get('/api/v1/restore-sessions'));
      await expectStoreUnavailable(() => act(desk, 'restore'));
      await expectStoreUnavailable(() => act(desk, 'save'));
      expect(control.received()).toEqual([]);
      expect(control.actions()).toEqual([]);
      await expectNotReady(gateway);
    } finally {
      await gateway.close();
    }
  });

  it('is lost before the API version is known, which it keeps: health says so', async () => {
    const gateway = await startGateway(neighbours, { environment: { VEEAM_API_VERSION: 'auto' } });
    try {
      await neighbours.database.drop();
      await expectNotReady(gateway);
      const { body } = await new Caller(gateway.url, undefined).get('/health/ready');
      expect(body.checks.upstream).toMatchObject({ status: 'down', code: 'store-unavailable' });
    } finally {
      await gateway.close();
    }
  });

  it('is lost after it opened a session upstream stops that session again', async () => {
    const gateway = await startGateway(neighbours);
    try {
      const alice = await Caller.named('alice', { sso: neighbours.sso, gateway });
      const { body } = await alice.get(ORGANIZATIONS);
      const { control } = neighbours.veeam;
      const hold = control.hold({ action: 'explore' }, 'done');
      const opening = alice.post('/api/v1/restore-sessions', { organizationId: body.items[0].id });
      await hold.reached;
      await neighbours.database.drop();
      hold.release();
      await expectStoreUnavailable(() => opening);
      expect(control.sessions()).toMatchObject([{ state: 'Stopped' }]);
    } finally {
      await gateway.close();
    }
  });

  async function expectStoreUnavailable(ask: () => Promise<Answer>): Promise<void> {
    const answer = await ask();
    expectProblem(answer, 503, 'store-unavailable');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(JSON.stringify(answer.body)).not.toMatch(/postgres|127\.0\.0\.1|select|insert/i);
  }

  async function expectNotReady(gateway: Gateway): Promise<void> {
    expect(await new Caller(gateway.url, undefined).get('/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'not-ready', checks: { store: { status: 'down', code: 'store-unavailable' } } },
    });
  }
});

function act({ caller, sid, oneDrives }: Desk, action: string, prefer?: string): Promise<Answer> {
  const path = `/api/v1/restore-sessions/${sid}/onedrives/${oneDrives.Alice}/${action}`;
  return caller.post(path, {}, prefer === undefined ? {} : { prefer });
}

function restore(desk: Desk): Promise<Answer> {
  return act(desk, 'restore', 'wait=20');
}

function expectProblem({ status, headers, body }: Answer, expected: number, code: string): void {
  expect({ status, body: body as unknown }).toMatchObject({ status: expected, body: { status: expected, code } });
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
}

interface Door {
  readonly url: string;
  /** Lets new connections in again. */
  readonly open: () => Promise<void>;
  /** Refuses new connections; those that stand go on. */
  readonly shut: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

/** Passes connections on to a port of this machine as they are. */
async function openDoor(port: string): Promise<Door> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((incoming) => {
    const outgoing = connect(Number(port), '127.0.0.1');
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => other.destroy());
      socket.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // close() stops the listening at once, and calls back when the last connection has ended.
  const { port: own } = server.address() as AddressInfo;
  const open = async () => {
    server.listen(own, '127.0.0.1');
    await once(server, 'listening');
  };
  const shut = () => {
    server.close();
    return new Promise<void>(setImmediate);
  };
  return {
    url: `https://127.0.0.1:${own}`,
    open,
    shut,
    remove: async () => {
      for (const socket of sockets) socket.destroy();
      await shut();
    },
  };
}
