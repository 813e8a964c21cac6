import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

import pg from 'pg';

import { ManualClock } from '@app/clock';
import type { Configuration } from '@app/config';

import { Caller, operationIdOf } from './support/caller.js';
import { dialects, type TestDialect } from './support/dialects.js';
import { rawAnswer, type RawRequest } from './support/raw-caller.js';
import { auditRecords } from './support/trail.js';
import { until } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

jest.setTimeout(60_000);

const MIB = 1024 * 1024;
/** More than all the buffers between sandbox and caller hold together. */
const BIG = 64 * MIB;
/** Of an archive without entries: its end record and nothing else (APPNOTE 4.3.16). */
const EMPTY_ZIP = Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex');

const roomy = (configuration: Configuration): Configuration => ({
  ...configuration,
  limits: { ...configuration.limits, sessionsPerCaller: 1_000, requestsPerWindow: 100_000 },
});

interface Place {
  readonly sid: string;
  readonly oid: string;
  /** Of the route. */
  readonly path: string;
}

let neighbours: Neighbours;
let control: Neighbours['veeam']['control'];
let gateway: Gateway;
let oscar: Caller;

beforeAll(async () => {
  neighbours = await startNeighbours({ bigOneDrive: { bytes: BIG, documents: 4 } });
  control = neighbours.veeam.control;
});
afterEach(() => {
  control.clearFaults();
  control.setSaveMode({ contentLength: true, compressed: false });
});
afterAll(() => neighbours.close());

/** One gateway for the tests of a block. */
function useGateway(dialect?: TestDialect): void {
  beforeAll(async () => {
    const environment = dialect && { VEEAM_API_VERSION: dialect.version };
    gateway = await startGateway(neighbours, { adjust: roomy, ...(environment && { environment }) });
    oscar = await Caller.named('oscar', { ...neighbours, gateway });
  });
  afterAll(() => gateway.close());
}

async function place(name: string, caller = oscar): Promise<Place> {
  const sid = await caller.openSession();
  const oid = await caller.oneDriveNamed(sid, name);
  return { sid, oid, path: `/api/v1/restore-sessions/${sid}/onedrives/${oid}/save` };
}

function save({ path }: Place, caller = oscar, signal?: AbortSignal): Promise<Response> {
  return caller.fetch('POST', path, '{}', {}, signal);
}

function raw({ path }: Place, more: Partial<RawRequest> = {}) {
  return rawAnswer(gateway.url, { path, token: oscar.token, ...more });
}

/** The newest operation of the caller. */
async function newest(caller = oscar) {
  const { body } = await caller.get('/api/v1/operations?limit=1');
  return body.items[0];
}

/** Of an operation, on the audit trail. */
async function endRecorded(id: string) {
  const records = await auditRecords(neighbours);
  return records.find(({ operationId, action }) => operationId === id && action === 'operation.ended');
}

describe.each(dialects)('a download from $version', (dialect) => {
  useGateway(dialect);

  describe('whose caller leaves', () => {
    it('half way is broken off upstream and recorded as failed, with the bytes it got to', async () => {
      const saving = control.nextSave();
      const leaving = new AbortController();
      const response = await save(await place('Vera Vast'), oscar, leaving.signal);
      let received = 0;
      const reading = (async () => {
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          received += chunk.length;
          if (received >= BIG / 2) leaving.abort();
        }
      })();
      await expect(reading).rejects.toThrow();

      expect(await (await saving).ended).toBe('aborted');
      const operation = await oscar.endOf(operationIdOf(response.headers));
      expect(operation).toMatchObject({ action: 'save', state: 'failed' });
      expect(operation.bytes).toBeGreaterThanOrEqual(received);
      expect(operation.bytes).toBeLessThan(BIG);
      expect(operation).not.toHaveProperty('sha256');
      expect(await endRecorded(operation.id as string)).toMatchObject({ detail: { brokenBy: 'caller' } });
    });

    it('before the first byte is broken off upstream and recorded as failed', async () => {
      const hold = control.hold({ action: 'save' }, 'done');
      const leaving = new AbortController();
      const here = await place('Alice');
      control.clearReceived();
      const closed = connectionClosed(dialect);
      const answer = save(here, oscar, leaving.signal);
      await hold.reached;
      leaving.abort();
      await expect(answer).rejects.toThrow();

      await closed;
      const { id } = await newest();
      expect(await oscar.endOf(id as string)).toMatchObject({ action: 'save', state: 'failed' });
      expect(await endRecorded(id as string)).toMatchObject({ detail: { brokenBy: 'caller' } });
      expect(control.actions()).toHaveLength(1);
    });
  });

  it('that upstream encodes is refused before a byte of it goes out', async () => {
    control.addFault({ match: { action: 'save' }, fault: { kind: 'gzip' } });
    const response = await save(await place('Alice'));
    await expectProblem(response, 502, 'upstream-broken');
    expect(await newest()).toMatchObject({ state: 'failed', problem: { code: 'upstream-broken' } });
  });

  it.each([
    { status: 500, is: 502, code: 'upstream-rejected' },
    { status: 403, is: 502, code: 'upstream-rejected' },
    { status: 503, is: 503, code: 'upstream-unavailable' },
  ])('that upstream answers with $status is a problem and not a download', async ({ status, is, code }) => {
    const body = { message: 'a text of the backup server', stackTrace: 'at Veeam' };
    control.addFault({ match: { action: 'save' }, fault: { kind: 'answer', status, body } });
    const response = await save(await place('Alice'));
    const problem = await expectProblem(response, is, code);
    expect(JSON.stringify(problem)).not.toMatch(/a text of the backup server|at Veeam/);
    expect(await newest()).toMatchObject({ state: 'failed', problem: { code } });
  });

  it.each([{ contentLength: true }, { contentLength: false }])(
    'of an empty OneDrive is a valid empty ZIP (upstream says its length: $contentLength)',
    async ({ contentLength }) => {
      control.setSaveMode({ contentLength });
      const response = await save(await place('Emil Empty'));
      expect(response.status).toBe(200);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(EMPTY_ZIP);
      expect(await oscar.endOf(operationIdOf(response.headers))).toMatchObject({
        state: 'succeeded',
        bytes: EMPTY_ZIP.length,
      });
    },
  );

  it('is refused while another one runs in the same restore session', async () => {
    const here = await place('Alice');
    const hold = control.hold({ action: 'save' }, 'done');
    const first = save(here);
    await hold.reached;
    const second = await save(here);
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    await expectProblem(second, 409, 'operation-conflict');

    hold.release();
    expect((await (await first).arrayBuffer()).byteLength).toBeGreaterThan(0);
    expect((await save(here)).status).toBe(200);
  });
});

describe('a download from any version', () => {
  useGateway();

  describe('that upstream cuts half way', () => {
    it.each([
      { how: 'with a Content-Length', chunked: false },
      { how: 'without a Content-Length', chunked: true },
    ])('$how is a broken transfer for the caller and failed in the record', async ({ chunked }) => {
      const cut = {
        match: { action: 'save' },
        fault: { kind: 'cut', afterBytes: BIG / 2, chunked },
        times: 2,
      } as const;
      control.addFault(cut);
      const response = await save(await place('Vera Vast'));
      expect(response.status).toBe(200);
      expect(response.headers.has('content-length')).toBe(!chunked);
      await expect(response.arrayBuffer()).rejects.toThrow();
      const operation = await oscar.endOf(operationIdOf(response.headers));
      expect(operation).toMatchObject({ state: 'failed', problem: { code: 'upstream-broken' } });
      expect(operation).not.toHaveProperty('sha256');

      const answer = await raw(await place('Vera Vast'));
      expect(answer).toMatchObject({ status: 200, isWhole: false });
      expect(answer.headers.get('transfer-encoding')).toBe(chunked ? 'chunked' : undefined);
    });

    it('in its last bytes, which are all there are, is a broken transfer too', async () => {
      control.addFault({
        match: { action: 'save' },
        fault: { kind: 'cut', afterBytes: EMPTY_ZIP.length - 1, chunked: true },
      });
      expect(await raw(await place('Emil Empty'))).toMatchObject({ status: 200, isWhole: false });
    });
  });

  it('shorter than its Content-Length is a broken transfer and failed in the record', async () => {
    control.addFault({
      match: { action: 'save' },
      fault: { kind: 'wrong-length', difference: 100 },
      times: 2,
    });
    const response = await save(await place('Alice'));
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(await oscar.endOf(operationIdOf(response.headers))).toMatchObject({
      state: 'failed',
      problem: { code: 'upstream-broken' },
    });

    expect(await raw(await place('Alice'))).toMatchObject({ status: 200, isWhole: false });
  });

  describe('over HTTP/1.0', () => {
    it('comes with its Content-Length', async () => {
      const answer = await raw(await place('Alice'), { httpVersion: '1.0' });
      expect(answer).toMatchObject({ status: 200, isWhole: true });
      expect(Number(answer.headers.get('content-length'))).toBe(answer.body.length);
      expect(answer.body.subarray(0, 2).toString()).toBe('PK');
    });

    it('is refused where the length is not known, and ends upstream', async () => {
      control.setSaveMode({ contentLength: false });
      const saving = control.nextSave();
      const answer = await raw(await place('Vera Vast'), { httpVersion: '1.0' });
      expect(answer.status).toBe(505);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(answer.body.toString())).toMatchObject({ status: 505, code: 'http-version-not-supported' });
      expect(await (await saving).ended).toBe('aborted');
      expect(await newest()).toMatchObject({ state: 'failed' });
    });
  });

  describe('whose outcome cannot be recorded', () => {
    const service = () => new URL(neighbours.database.url).username;
    async function asOwner(sql: string): Promise<void> {
      const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
      await owner.connect();
      await owner.query(sql);
      await owner.end();
    }
    afterEach(() => asOwner(`grant update on operations to ${service()}`));

    it.each([
      { owner: 'Alice', contentLength: true },
      { owner: 'Alice', contentLength: false },
      { owner: 'Emil Empty', contentLength: true },
      { owner: 'Emil Empty', contentLength: false },
    ])('never ends cleanly ($owner, upstream says the length: $contentLength)', async ({ owner, contentLength }) => {
      control.setSaveMode({ contentLength });
      const hold = control.hold({ action: 'save' }, 'done');
      const [fetched, seen] = [save(await place(owner)), raw(await place(owner))];
      const body = fetched.then((response) => response.arrayBuffer());
      body.catch(() => undefined);
      await hold.reachedBy(2);
      await asOwner(`revoke update on operations from ${service()}`);
      hold.release();

      await expect(body).rejects.toThrow();
      expect(await seen).toMatchObject({ isWhole: false });
    });
  });

  describe('beside others', () => {
    let narrow: Gateway;
    let caller: Caller;

    beforeAll(async () => {
      narrow = await startGateway(neighbours, {
        adjust: (configuration) => ({
          ...configuration,
          limits: { ...roomy(configuration).limits, downloadsPerCaller: 1, downloadsInAll: 2 },
        }),
      });
      caller = await Caller.named('oscar', { sso: neighbours.sso, gateway: narrow });
    });
    afterAll(() => narrow.close());

    it('is refused beyond the number that one caller may have, and granted to another', async () => {
      const alice = await Caller.named('alice', { sso: neighbours.sso, gateway: narrow });
      const hold = control.hold({ action: 'save' }, 'done');
      const first = save(await place('Alice', caller), caller);
      await hold.reached;
      const second = await save(await place('Alice', caller), caller);
      expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
      await expectProblem(second, 429, 'too-many-downloads');

      const others = save(await place('Alice', alice), alice);
      await hold.reachedBy(2);
      hold.release();
      for (const response of await Promise.all([first, others])) {
        expect(response.status).toBe(200);
        await response.arrayBuffer();
      }
    });

    it('is refused beyond the number that all callers together may have', async () => {
      const [alice, bob] = await Promise.all(
        ['alice', 'bob'].map((name) => Caller.named(name, { sso: neighbours.sso, gateway: narrow })),
      );
      if (alice === undefined || bob === undefined) throw new Error('nobody');
      const hold = control.hold({ action: 'save' }, 'done');
      const running = [save(await place('Alice', caller), caller), save(await place('Alice', alice), alice)];
      await hold.reachedBy(2);
      await expectProblem(await save(await place('Bob', bob), bob), 429, 'too-many-downloads');
      hold.release();
      for (const response of await Promise.all(running)) await response.arrayBuffer();
      await until(async () => (await save(await place('Bob', bob), bob)).status === 200);
    });

    it('gives its slot back however it ends', async () => {
      const fault = (one: Parameters<typeof control.addFault>[0]['fault']) => {
        control.addFault({ match: { action: 'save' }, fault: one });
      };
      const endings: Record<string, () => Promise<unknown>> = {
        'a whole download': async () => (await save(await place('Alice', caller), caller)).arrayBuffer(),
        'no such OneDrive': async () => {
          const here = await place('Alice', caller);
          return save({ ...here, path: here.path.replace(here.oid, 'f'.repeat(here.oid.length)) }, caller);
        },
        'an upstream that refuses': async () => {
          fault({ kind: 'answer', status: 500, body: {} });
          return save(await place('Alice', caller), caller);
        },
        'an encoded answer': async () => {
          fault({ kind: 'gzip' });
          return save(await place('Alice', caller), caller);
        },
        'an upstream that leaves without an answer': async () => {
          fault({ kind: 'close' });
          return save(await place('Alice', caller), caller);
        },
        'an upstream that cuts': async () => {
          fault({ kind: 'cut', afterBytes: 10 });
          return (await save(await place('Alice', caller), caller)).arrayBuffer().catch(() => undefined);
        },
        'a caller who leaves before the first byte': async () => {
          const hold = control.hold({ action: 'save' }, 'done');
          const leaving = new AbortController();
          const answer = save(await place('Alice', caller), caller, leaving.signal);
          await hold.reached;
          leaving.abort();
          await answer.catch(() => undefined);
          hold.release();
        },
        'a caller who leaves half way': async () => {
          const leaving = new AbortController();
          const { body } = await save(await place('Vera Vast', caller), caller, leaving.signal);
          await body?.getReader().read();
          leaving.abort();
        },
      };
      for (const [name, ending] of Object.entries(endings)) {
        await ending();
        const next = await until(async () => {
          const response = await save(await place('Alice', caller), caller);
          await response.arrayBuffer();
          return response.status === 200 && name;
        });
        expect(next).toBe(name);
      }
    });
  });

  it('waits for a first byte that comes after hours', async () => {
    const clock = new ManualClock(Date.now());
    const patient = await startGateway(neighbours, {
      clock,
      adjust: (configuration) => ({
        ...configuration,
        limits: { ...roomy(configuration).limits, leaseMs: 24 * 3_600_000 },
      }),
    });
    try {
      const caller = await Caller.named('oscar', { sso: neighbours.sso, gateway: patient });
      const hold = control.hold({ action: 'save' }, 'done');
      const answer = save(await place('Alice', caller), caller);
      await hold.reached;
      await clock.advance(3 * 3_600_000);
      hold.release();
      const response = await answer;
      expect(response.status).toBe(200);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
    } finally {
      await patient.close();
    }
  });

  it.each(['still silent upstream', 'under way'])(
    '%s when the gateway is stopped gets the grace to end',
    async (stage) => {
      const clock = new ManualClock(Date.now());
      const stopping = await startGateway(neighbours, { clock, adjust: roomy });
      const caller = await Caller.named('oscar', { sso: neighbours.sso, gateway: stopping });
      const isSilent = stage === 'still silent upstream';
      const here = await place(isSilent ? 'Alice' : 'Vera Vast', caller);
      const hold = control.hold({ action: 'save' }, 'done');
      const answer = save(here, caller);
      await hold.reached;
      if (!isSilent) {
        hold.release();
        await answer;
      }
      let isClosed = false;
      const closed = stopping.close().then(() => (isClosed = true));
      await new Promise(setImmediate);
      expect(isClosed).toBe(false);
      hold.release();
      const response = await answer;
      expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get('content-length')));
      await closed;
      expect(await oscar.operation(operationIdOf(response.headers))).toMatchObject({ state: 'succeeded' });
    },
  );
});

async function expectProblem(response: Response, status: number, code: string): Promise<unknown> {
  const problem: unknown = await response.json();
  expect(problem).toMatchObject({ status, code });
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(response.headers.has('content-disposition')).toBe(false);
  return problem;
}

/** Resolves once the sandbox's end of the next connection that carries a download has closed. */
function connectionClosed(dialect: TestDialect): Promise<void> {
  const verb = dialect.save({ upstreamSid: '', oneDriveId: '' }).path.split('/').at(-1);
  const channel = 'http.server.request.start';
  return new Promise((resolve) => {
    const onRequest = (message: unknown) => {
      const { request } = message as { request: IncomingMessage };
      if (!request.url?.endsWith(`/${verb}`)) return;
      unsubscribe(channel, onRequest);
      request.socket.once('close', () => {
        resolve();
      });
    };
    subscribe(channel, onRequest);
  });
}
