import { readFile } from 'node:fs/promises';

import { Caller } from './support/caller.js';
import { ManagementServer } from '../apps/gateway/src/management/management-server.js';
import { startWorld, type World } from './support/world.js';

jest.setTimeout(60_000);

const FABRIKAM = 'fabrikam.onmicrosoft.com';
const TRACEPARENT = '00-11111111111111111111111111111111-2222222222222222-01';

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

describe('what a gateway tells of itself', () => {
  let world: World;
  let alice: Caller;
  let metricsUrl: string;

  beforeAll(async () => {
    world = await startWorld({
      environment: { MANAGEMENT_PORT: '0' },
      adjust: (configuration) => ({ ...configuration, limits: { ...configuration.limits, sessionsPerCaller: 100 } }),
    });
    metricsUrl = `http://127.0.0.1:${await world.gateway.app.get(ManagementServer).listen()}`;
    alice = await Caller.named('alice', world);
  });
  afterAll(() => world.close());

  const lines = () => world.gateway.log().map((line) => JSON.parse(line) as Line);
  const requestLines = (requestId: string) =>
    lines().filter((line) => line.msg === 'request' && line.requestId === requestId);

  async function openDesk(caller = alice, name = 'Alice', organization?: string) {
    const sid = await caller.openSession(organization);
    const oid = await caller.oneDriveNamed(sid, name);
    return { sid, oid, path: `/api/v1/restore-sessions/${sid}/onedrives/${oid}` };
  }

  describe('in its log', () => {
    it('is one line for each request, with its ids and the pattern of its route', async () => {
      const { sid } = await openDesk();
      const headers = { 'x-request-id': 'request-one', traceparent: TRACEPARENT };
      const answer = await alice.get(`/api/v1/restore-sessions/${sid}/onedrives?limit=7`, headers);
      expect(answer.headers.get('x-request-id')).toBe('request-one');

      const [line, ...more] = requestLines('request-one');
      expect(more).toEqual([]);
      expect(line).toMatchObject({
        level: 'info',
        method: 'GET',
        route: '/api/v1/restore-sessions/:sid/onedrives',
        status: 200,
        durationMs: expect.any(Number) as number,
        upstreamMs: expect.any(Number) as number,
        backupServer: 'default',
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        callerTraceId: '1'.repeat(32),
      });
      expect(line?.traceId).not.toBe('1'.repeat(32));
    });

    it('holds no id, query or token of a request, whatever became of it', async () => {
      const { sid, oid, path } = await openDesk();
      const id = (name: string) => ({ 'x-request-id': name });
      await alice.get(`${path}?secret-query=1`, id('r-found'));
      await alice.get(`/api/v1/restore-sessions/${sid}/nothing-there?secret-query=1`, id('r-unmatched'));
      await alice.get(`/api/v1/restore-sessions/${sid}/onedrives/${'f'.repeat(72)}`, id('r-not-found'));
      await alice.call('POST', `${path}/restore`, '{"documentVersion":"secret-value"}', id('r-invalid'));
      await new Caller(world.gateway.url, `${alice.token}x`).get(path, id('r-refused'));
      await new Caller(world.gateway.url, undefined).get(path, id('r-nobody'));

      const names = ['r-found', 'r-unmatched', 'r-not-found', 'r-invalid', 'r-refused', 'r-nobody'];
      const written = names.map(requestLines);
      expect(written.map(({ length }) => length)).toEqual(names.map(() => 1));
      expect(written.flat().map(({ status }) => status)).toEqual([200, 404, 404, 400, 401, 401]);
      const text = JSON.stringify(written);
      for (const secret of [sid, oid, 'secret-query', 'secret-value', 'nothing-there', alice.token ?? '']) {
        expect(text).not.toContain(secret);
      }
    });

    it('makes a request id of its own where the caller sent one that could do harm', async () => {
      for (const harmful of ['a b', 'x'.repeat(65), '{"level":"error"}', '../etc']) {
        const { headers } = await alice.get('/api/v1/organizations', { 'x-request-id': harmful });
        const own = headers.get('x-request-id') ?? '';
        if (harmful !== '../etc') expect(own).toMatch(/^[0-9a-f-]{36}$/);
        expect(requestLines(own)).toHaveLength(1);
      }
    });

    it('is a line also for a caller who left', async () => {
      const { path } = await openDesk();
      const hold = world.veeam.control.hold({ action: 'save' }, 'done');
      const leaving = new AbortController();
      const headers = { 'x-request-id': 'left-early' };
      const answer = alice.fetch('POST', `${path}/save`, '{}', headers, leaving.signal);
      await hold.reached;
      leaving.abort();
      await answer.catch(() => undefined);
      hold.release();
      await new Promise(setImmediate);
      while (requestLines('left-early').length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(requestLines('left-early')).toMatchObject([
        { route: '/api/v1/restore-sessions/:sid/onedrives/:oid/save', aborted: true },
      ]);
    });
  });

  it('goes upstream as the request id and a fresh trace, never the trace of the caller', async () => {
    const { control } = world.veeam;
    const { path } = await openDesk();
    control.clearReceived();
    const headers = { 'x-request-id': 'request-two', traceparent: TRACEPARENT, prefer: 'wait=10' };
    await alice.post(`${path}/restore`, {}, headers);
    const received = control.received();
    expect(received.length).toBeGreaterThan(1);
    const [line] = requestLines('request-two');
    const spans = received.map((request) => {
      expect(request.headers['x-request-id']).toBe('request-two');
      const [, trace, span] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(String(request.headers.traceparent)) ?? [];
      expect(trace).toBe(line?.traceId);
      return span;
    });
    expect(new Set(spans).size).toBe(received.length);
    expect(JSON.stringify(received)).not.toMatch(/1{32}|2222222222222222/);
  });

  describe('in its metrics', () => {
    const names = [
      'http_requests_total',
      'http_request_duration_seconds',
      'upstream_requests_total',
      'upstream_request_duration_seconds',
      'operations_total',
      'downloads_active',
      'download_bytes_total',
      'token_refusals_total',
      'process_resident_memory_bytes',
    ];
    const metrics = async () => (await fetch(`${metricsUrl}/metrics`)).text();

    it('has every name that is promised, and counts', async () => {
      const { path } = await openDesk();
      await alice.post(`${path}/restore`, {}, { prefer: 'wait=10' });
      const bytes = (await (await alice.fetch('POST', `${path}/save`, '{}')).arrayBuffer()).byteLength;
      await new Caller(world.gateway.url, 'garbage').get('/api/v1/organizations');
      const text = await metrics();
      for (const name of names) expect(text).toContain(`# TYPE ${name} `);
      expect(text).toMatch(/^operations_total\{action="restore",state="succeeded"\} [1-9]/m);
      expect(text).toMatch(/^operations_total\{action="save",state="succeeded"\} [1-9]/m);
      expect(text).toMatch(/^token_refusals_total\{reason="[a-z-]+"\} [1-9]/m);
      expect(text).toMatch(/^downloads_active 0$/m);
      expect(Number(/^download_bytes_total (\d+)/m.exec(text)?.[1])).toBeGreaterThanOrEqual(bytes);
      expect(text).toMatch(
        /^upstream_requests_total\{method="GET",route="\/v5\/Organizations",status="200",backup_server="default"\} [1-9]/m,
      );
    });

    it('has no id of anything and nobody’s name', async () => {
      const { sid, oid, path } = await openDesk();
      await alice.get(path);
      const text = await metrics();
      expect(text).toContain('route="/api/v1/restore-sessions/:sid/onedrives/:oid"');
      for (const id of [sid, oid, 'alice', 'contoso']) expect(text).not.toContain(id);
    });

    it('is served on the management port alone, and there is nothing else there', async () => {
      expect((await alice.get('/metrics')).status).toBe(404);
      expect((await new Caller(world.gateway.url, undefined).get('/metrics')).status).not.toBe(200);
      for (const path of ['/', '/api/v1/organizations', '/health/live', '/metrics/x']) {
        expect((await fetch(metricsUrl + path)).status).toBe(404);
      }
      expect((await fetch(`${metricsUrl}/metrics`, { method: 'POST' })).status).toBe(404);
    });
  });

  it('in its readiness is what is up, and what each part is', async () => {
    const ready = await new Caller(world.gateway.url, undefined).get('/health/ready');
    expect(ready).toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        checks: {
          store: { status: 'up' },
          issuerKeys: { status: 'up' },
          upstream: { status: 'up', detail: expect.stringContaining('v5') as string },
        },
      },
    });
  });

  it('never is a secret: not one in a whole run at the finest log level', async () => {
    const { veeam, gateway, sso } = world;
    const certificate = (await readFile(veeam.certificateFile)).toString('base64');
    const secrets = [veeam.password, veeam.restorePassword, veeam.certificatePassword, certificate];
    const mail = { to: 'bob@contoso.onmicrosoft.com', subject: 'Subject for one', text: 'Text for one' };

    const oscar = await Caller.named('oscar', world);
    const fred = await Caller.named('fred', world);
    const desk = await openDesk(oscar);
    const wait = { prefer: 'wait=20' };
    // An upstream that says back what it was sent.
    const echo = (...sent: string[]) => ({ message: `refused: ${sent.join(' ')}`, stackTrace: sent.join(' ') });
    const refuse = (match: { action?: string; route?: string }, ...sent: string[]) =>
      veeam.control.addFault({ match, fault: { kind: 'answer', status: 500, body: echo(...sent) } });
    refuse({ action: 'restore' }, veeam.restorePassword);
    await oscar.post(`${desk.path}/restore`, {}, wait);
    await oscar.post(`${desk.path}/restore`, {}, wait);
    const target = await oscar.oneDriveNamed(desk.sid, 'Bob');
    await oscar.post(`${desk.path}/copy`, { target: { oneDriveId: target } }, wait);
    await oscar.post(`${desk.path}/send`, mail, wait);
    const code = await oscar.post(`/api/v1/restore-sessions/${desk.sid}/device-codes`);
    const { userCode } = code.body as { userCode: string };
    await oscar.post(`${desk.path}/restore`, { userCode }, wait);
    const freds = await openDesk(fred, 'Fred', FABRIKAM);
    refuse({ action: 'restore' }, certificate, veeam.certificatePassword);
    await fred.post(`${freds.path}/restore`, {}, wait);
    const last = await fred.post(`${freds.path}/restore`, {}, wait);
    expect(last).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    await (await fred.fetch('POST', `${freds.path}/save`, '{}')).arrayBuffer();
    veeam.control.addFault({ match: { action: 'save' }, fault: { kind: 'close' } });
    await fred.post(`${freds.path}/save`, {});
    await oscar.call('POST', `${desk.path}/restore`, `{"userPassword":"a-password-of-the-caller"}`);
    veeam.control.revokeRefreshTokens();
    veeam.control.expireAccessTokens();
    refuse({ route: 'token' }, veeam.password);
    await oscar.get('/api/v1/organizations');
    await oscar.get('/api/v1/organizations');
    const foreign = await sso.token('bob', { iss: 'https://elsewhere.example' });
    await new Caller(gateway.url, foreign).get('/api/v1/organizations');

    const log = gateway.log().join('\n');
    expect(lines().some(({ level }) => level === 'debug')).toBe(true);
    for (const token of [alice, oscar, fred].map(({ token }) => token ?? '').concat(foreign)) {
      expect(log).not.toContain(token);
      expect(log).not.toContain(token.split('.')[2]);
    }
    for (const secret of [...secrets, userCode, ...Object.values(mail).slice(1), 'a-password-of-the-caller']) {
      expect(secret.length).toBeGreaterThan(5);
      expect(log).not.toContain(secret);
      expect(log).not.toContain(encodeURIComponent(secret));
      expect(log).not.toContain(Buffer.from(secret).toString('base64'));
    }
    // Tokens of upstream, which only the gateway has seen: 240 characters of base64.
    expect(/.{0,300}[A-Za-z0-9+/=]{120}/.exec(log)?.[0]).toBeUndefined();
    expect(/bearer [a-z0-9].*/i.exec(log)?.[0]).toBeUndefined();
  });
});
