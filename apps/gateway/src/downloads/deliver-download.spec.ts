import { HttpVersionNotSupportedError } from '@app/problems';
import { SystemClock } from '@app/clock';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { request as undiciRequest } from 'undici';
import { ZipFile } from 'yazl';
import { deliverDownload } from './deliver-download.js';
import { type Answer, DownloadRelay, type Finish } from './download-relay.fixture.js';

const KIBIBYTE = 1024;
const contents = Buffer.alloc(3 * KIBIBYTE ** 2, 'contents of a backup ');
const half = contents.subarray(0, contents.length / 2);
const endless = Buffer.alloc(64 * KIBIBYTE ** 2);

const chunked = { 'transfer-encoding': 'chunked' };
const long = { 'content-length': contents.length };
const whole: Answer = (response) => response.writeHead(200, chunked).end(contents);
const wholeWithLength: Answer = (response) => response.writeHead(200, long).end(contents);
const cut: Answer = (response) => response.writeHead(200, chunked).write(half, () => response.destroy());
const cutWithLength: Answer = (response) => response.writeHead(200, long).write(half, () => response.destroy());
const nothing: Answer = (response) => response.writeHead(200, chunked).end();
const nothingWithLength: Answer = (response) => response.writeHead(200, { 'content-length': 0 }).end();
const oneByte: Answer = (response) => response.writeHead(200, { 'content-length': 1 }).end('x');
const more: Answer = (response) => response.writeHead(200, { 'content-length': endless.length }).end(endless);

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function zip(): Promise<Buffer> {
  const file = new ZipFile();
  file.addBuffer(contents, 'contents.txt');
  file.end();
  return buffer(file.outputStream);
}

function emptyZip(): Promise<Buffer> {
  const file = new ZipFile();
  file.end();
  return buffer(file.outputStream);
}

async function viaHttpGet(url: string): Promise<Buffer> {
  const [response] = (await once(http.get(url), 'response')) as [IncomingMessage];
  return buffer(response);
}

const viaFetch = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());
const viaUndici = async (url: string) => Buffer.from(await (await undiciRequest(url)).body.arrayBuffer());

/** What a caller on a bare socket gets until its connection ends. */
async function readToEnd(socket: Socket): Promise<{ head: string; body: string }> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece)).resume();
  await once(socket, 'close');
  const text = Buffer.concat(pieces).toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  return { head: text.slice(0, end), body: text.slice(end + 4) };
}

describe('deliverDownload', () => {
  const relays: DownloadRelay[] = [];

  async function start(...args: Parameters<typeof DownloadRelay.start>): Promise<DownloadRelay> {
    const relay = await DownloadRelay.start(...args);
    relays.push(relay);
    return relay;
  }

  afterEach(async () => {
    for (const relay of relays.splice(0)) await relay.close();
  });

  describe('a whole download', () => {
    it.each([
      ['without', whole, null],
      ['with', wholeWithLength, String(contents.length)],
    ])('arrives as it was sent, %s a length', async (_with, answer, contentLength) => {
      const relay = await start(answer);
      const result = relay.next('result');

      const response = await fetch(relay.url);

      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment; filename="x.zip"',
        'cache-control': 'no-store',
        'accept-ranges': 'none',
        'x-content-type-options': 'nosniff',
      });
      expect(response.headers.get('content-length')).toBe(contentLength);
      expect(Buffer.from(await response.arrayBuffer()).equals(contents)).toBe(true);
      const succeeded = { state: 'succeeded', bytes: contents.length, sha256: sha256(contents) };
      expect(await result).toEqual(succeeded);
      expect(relay.finished).toEqual([succeeded]);
      expect(relay.heads).toBe(1);
    });

    it.each([
      ['without a length', whole],
      ['with a length', wholeWithLength],
    ])('%s leaves the connection open for the next', async (_what, answer) => {
      const relay = await start(answer);
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const ports = new Set<number | undefined>();
      for (let round = 0; round < 3; round++) {
        const [response] = (await once(http.get(relay.url, { agent }), 'response')) as [IncomingMessage];
        ports.add(response.socket.localPort);
        expect((await buffer(response)).equals(contents)).toBe(true);
      }
      agent.destroy();
      expect(ports.size).toBe(1);
    });

    it.each([
      ['without a length', nothing],
      ['with a length', nothingWithLength],
    ])('%s may be empty', async (_what, answer) => {
      const relay = await start(answer);
      expect((await viaHttpGet(relay.url)).length).toBe(0);
      expect(relay.finished).toEqual([{ state: 'succeeded', bytes: 0, sha256: sha256(Buffer.alloc(0)) }]);
    });

    it.each([
      ['a ZIP', zip],
      ['an empty ZIP', emptyZip],
    ])('without a length may be %s', async (_what, make) => {
      const archive = await make();
      const relay = await start((response) => response.writeHead(200, chunked).end(archive), { isZip: true });
      expect((await viaHttpGet(relay.url)).equals(archive)).toBe(true);
      expect(relay.finished).toMatchObject([{ state: 'succeeded', bytes: archive.length }]);
    });
  });

  describe('the last bytes', () => {
    it.each([
      ['without a length', whole],
      ['with a length', wholeWithLength],
      ['of one byte', oneByte],
      ['of no bytes', nothingWithLength],
      ['of no bytes and without a length', nothing],
    ])('of a body %s wait until the outcome is recorded', async (_what, answer) => {
      let commit: () => void = () => undefined;
      let onFinish: () => void = () => undefined;
      const finishing = new Promise<void>((resolve) => (onFinish = resolve));
      const relay = await start(answer, {
        finish: () => {
          onFinish();
          return new Promise((resolve) => (commit = resolve));
        },
      });
      let isOver = false;
      const download = viaHttpGet(relay.url).then(() => (isOver = true));

      await finishing;
      // A whole exchange on the same event loop: had the last bytes been sent, they would be there by now.
      const other = await start(nothing);
      await viaHttpGet(other.url);
      expect(isOver).toBe(false);

      commit();
      await download;
    });

    it.each([
      ['without a length', whole],
      ['with a length', wholeWithLength],
      ['of one byte', oneByte],
      ['of no bytes', nothingWithLength],
      ['of no bytes and without a length', nothing],
    ])('of a body %s never come when the outcome cannot be recorded', async (_what, answer) => {
      const finish: Finish = () => Promise.reject(new Error('the store is away'));
      const relay = await start(answer, { finish });
      const result = relay.next('result');

      await expect(viaHttpGet(relay.url)).rejects.toThrow();

      expect(await result).toMatchObject({
        state: 'failed',
        brokenBy: 'store',
        cause: { message: 'the store is away' },
      });
      expect(relay.finished).toMatchObject([{ state: 'succeeded' }]);
    });
  });

  describe('a download that upstream cuts at half', () => {
    describe.each([
      ['without a length', cut],
      ['with a length', cutWithLength],
    ])('%s', (_what, answer) => {
      it.each([
        ['fetch', viaFetch],
        ['undici', viaUndici],
        ['http.get', viaHttpGet],
      ])('is an error to a caller who uses %s', async (_client, download) => {
        const relay = await start(answer);
        await expect(download(relay.url)).rejects.toThrow();
        expect(relay.finished).toMatchObject([{ state: 'failed', brokenBy: 'upstream' }]);
      });

      it('ends without the sign of an end', async () => {
        const relay = await start(answer);
        const result = relay.next('result');
        const { head, body } = await readToEnd(await relay.ask());
        expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
        expect(body).not.toMatch(/0\r\n\r\n$/);
        expect(body.length).toBeLessThan(contents.length);
        expect(await result).toBe(relay.finished[0]);
        expect(relay.finished).toHaveLength(1);
      });
    });

    it('without its own connection being cut, is found out by the missing end of the ZIP', async () => {
      const archive = await zip();
      const relay = await start((response) => response.writeHead(200, chunked).end(archive.subarray(0, -1)), {
        isZip: true,
      });
      await expect(viaHttpGet(relay.url)).rejects.toThrow();
      expect(relay.finished).toMatchObject([{ state: 'failed', brokenBy: 'upstream' }]);
    });

    it('is broken at once, not only when the failure is recorded', async () => {
      let commit: () => void = () => undefined;
      const relay = await start(cut, { finish: () => new Promise((resolve) => (commit = resolve)) });
      const result = relay.next('result');
      await expect(viaHttpGet(relay.url)).rejects.toThrow();
      commit();
      expect(await result).toMatchObject({ state: 'failed', brokenBy: 'upstream' });
    });

    it('is broken all the same when the failure cannot be recorded', async () => {
      const finish: Finish = () => Promise.reject(new Error('the store is away'));
      const relay = await start(cut, { finish });
      const result = relay.next('result');
      await expect(viaHttpGet(relay.url)).rejects.toThrow();
      expect(await result).toMatchObject({ state: 'failed', brokenBy: 'store', cause: expect.any(AggregateError) });
      expect(relay.finished).toMatchObject([{ state: 'failed', brokenBy: 'upstream' }]);
    });
  });

  it('that the gateway breaks off takes the upstream connection down, and is laid to nobody else', async () => {
    const relay = await start(more);
    const ended = Promise.all([relay.next('upstream-closed'), relay.next('result')]);
    const caller = await relay.ask();
    const cause = new Error('The gateway is stopping.');
    caller.once('data', () => {
      relay.breaking.abort(cause);
    });
    await readToEnd(caller);
    const [, result] = await ended;
    expect(result).toMatchObject({ state: 'failed', brokenBy: 'gateway', cause });
    expect(relay.finished).toEqual([result]);
  });

  describe('a caller who leaves', () => {
    it('at half takes the upstream connection down', async () => {
      const relay = await start(more);
      const ended = Promise.all([relay.next('upstream-closed'), relay.next('result')]);
      const caller = await relay.ask();
      caller.once('data', () => caller.destroy()).resume();

      const [, result] = await ended;

      expect(result).toMatchObject({ state: 'failed', brokenBy: 'caller' });
      expect(relay.finished).toEqual([result]);
    });

    it('before the first byte takes the upstream connection down', async () => {
      const relay = await start(more, { beforeDelivery: (request) => once(request.socket.destroy(), 'close') });
      const ended = Promise.all([relay.next('upstream-closed'), relay.next('result')]);
      await relay.ask();
      const [, result] = await ended;
      expect(result).toMatchObject({ state: 'failed', bytes: 0, brokenBy: 'caller' });
      expect(relay.finished).toEqual([result]);
    });

    it('ends the downloads that were queued on the same connection too', async () => {
      let onBoth: () => void = () => undefined;
      const both = new Promise<void>((resolve) => (onBoth = resolve));
      const relay = await start(more, {
        finish: () => {
          if (relay.finished.length === 2) onBoth();
          return Promise.resolve();
        },
      });
      const caller = await relay.ask({ times: 2 });
      caller.once('data', () => caller.destroy()).resume();
      await both;
      expect(relay.finished).toMatchObject([{ brokenBy: 'caller' }, { brokenBy: 'caller' }]);
    });

    it('while the outcome is recorded no longer changes it', async () => {
      const callers: Socket[] = [];
      const relay = await start(whole, {
        finish: async () => {
          for (const caller of callers) await once(caller.destroy(), 'close');
        },
      });
      const result = relay.next('result');
      const caller = await relay.ask();
      callers.push(caller.resume());
      expect(await result).toMatchObject({ state: 'succeeded' });
      expect(relay.finished).toHaveLength(1);
    });
  });

  describe('a caller who stops reading', () => {
    it('is cut off after ten minutes', async () => {
      const relay = await start(more);
      const ended = Promise.all([relay.next('upstream-closed'), relay.next('result')]);
      const caller = await relay.ask();
      await once(caller, 'readable');
      while (relay.finished.length === 0) await relay.clock.advance(10 * 60_000);
      const [, result] = await ended;
      expect(result).toMatchObject({ state: 'failed', brokenBy: 'caller' });
      expect(result).toMatchObject({ cause: { message: 'The caller took nothing for 600000 ms.' } });
    });

    it('for less may go on to the end', async () => {
      const relay = await start(more);
      const caller = await relay.ask();
      await once(caller, 'readable');
      await relay.clock.advance(9 * 60_000);
      const result = relay.next('result');
      caller.resume();
      expect(await result).toMatchObject({ state: 'succeeded', bytes: endless.length });
    });
  });

  describe('a caller who speaks HTTP/1.0', () => {
    it('gets a download that has a length', async () => {
      const relay = await start(wholeWithLength);
      const { head, body } = await readToEnd(await relay.ask({ version: '1.0' }));
      expect(head).toMatch(/\r\ncontent-length: 3145728(\r|$)/i);
      expect(body).toBe(contents.toString('latin1'));
    });

    it('gets less than the length when it was cut', async () => {
      const relay = await start(cutWithLength);
      const { body } = await readToEnd(await relay.ask({ version: '1.0' }));
      expect(body.length).toBeLessThan(contents.length);
    });

    it('is refused, with nothing sent, when the download has none', async () => {
      const relay = await start((response) => response.writeHead(200, chunked).write(endless));
      const events = Promise.all([relay.next('refused'), relay.next('upstream-closed')]);
      const { head, body } = await readToEnd(await relay.ask({ version: '1.0' }));
      const [error] = await events;
      expect(error).toBeInstanceOf(HttpVersionNotSupportedError);
      expect(head).toMatch(/^HTTP\/1\.1 505 /);
      expect(body).toBe('refused');
      expect(relay.heads).toBe(0);
      expect(relay.finished).toEqual([{ state: 'failed', bytes: 0, brokenBy: 'caller', cause: error }]);
    });
  });

  it('reads no further ahead than what the operating system takes, however slow the caller', async () => {
    const piece = Buffer.alloc(64 * KIBIBYTE);
    let pieces = 0;
    let furthestAhead = 0;
    const server = http.createServer((request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      const body = new Readable({
        highWaterMark: piece.length,
        read() {
          furthestAhead = Math.max(
            furthestAhead,
            pieces * piece.length - (socket.bytesWritten - socket.writableLength),
          );
          this.push(pieces++ < 512 ? piece : null);
        },
      });
      const stream = { body, contentLength: undefined };
      const finish = () => Promise.resolve();
      const { signal: brokenOff } = new AbortController();
      const clock = new SystemClock();
      void deliverDownload({ stream, request, response, headers: {}, brokenOff, isZip: false, finish, clock });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const caller = connect((server.address() as AddressInfo).port, '127.0.0.1');
    let taken = 0;
    caller.on('data', (data) => {
      taken += data.length;
      caller.pause();
      setImmediate(() => caller.resume());
    });
    caller.write('GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n');
    await once(caller, 'close');
    server.close();

    expect(taken).toBeGreaterThan(512 * piece.length);
    expect(furthestAhead).toBeLessThanOrEqual(4 * piece.length);
  });
});
