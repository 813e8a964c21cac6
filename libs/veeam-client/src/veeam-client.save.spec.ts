import { ManualClock } from '@app/clock';
import { UpstreamBrokenError, UpstreamRejectedError, UpstreamTimeoutError } from '@app/problems';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { ActionAnswerUnknownError, ActionNotSentError } from './errors.js';
import type { SaveStream } from './model.js';
import {
  clientOf,
  failureOf,
  ITEM,
  ONEDRIVE_PATH,
  recorder,
  SESSION_ID,
  SESSION_PATH,
  wireSession,
} from './testing/client-of.js';
import {
  hangUp,
  inTurn,
  makeCertificate,
  neverAnswer,
  ok,
  type Respond,
  ScriptedUpstream,
  status,
} from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const ACTION = `POST ${ONEDRIVE_PATH}/Action`;
const ZIP = { 'content-type': 'application/octet-stream' };
let upstream: ScriptedUpstream;
let client: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  client = clientOf(upstream);
});

afterEach(async () => {
  await client.close();
  await upstream.close();
});

const save = (signal = new AbortController().signal): Promise<SaveStream> =>
  client.save(SESSION_ID, ITEM, { asZip: true }, signal);
const download = async () => buffer((await save()).body);
const sends =
  (headers: Record<string, string>, body: Buffer): Respond =>
  (response) =>
    response.writeHead(200, { ...ZIP, ...headers }).end(body);
/** Sends the headers and some bytes, then hands the response to the test. */
function stalled(headers: Record<string, string> = {}): Promise<ServerResponse> {
  return new Promise((resolve) => {
    upstream.on(ACTION, (response) => {
      response.writeHead(200, { ...ZIP, ...headers });
      response.write('first', () => {
        resolve(response);
      });
    });
  });
}

describe('a download', () => {
  it('arrives byte by byte, with its length when upstream gives it', async () => {
    const body = randomBytes(3_000_000);
    upstream.on(ACTION, sends({ 'content-length': String(body.length) }, body));
    const stream = await save();
    expect(stream.contentLength).toBe(body.length);
    expect(body.equals(await buffer(stream.body))).toBe(true);
    const [request] = upstream.requests(ACTION);
    expect(request?.body).toBe('{"save":null}');
    expect(request?.headers).toMatchObject({
      accept: 'application/octet-stream',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
    });
  });

  it('arrives in chunks without a length', async () => {
    const body = randomBytes(300_000);
    upstream.on(ACTION, (response) => {
      response.writeHead(200, ZIP).write(body.subarray(0, 1000));
      response.end(body.subarray(1000));
    });
    const stream = await save();
    expect(stream.contentLength).toBeUndefined();
    expect(body.equals(await buffer(stream.body))).toBe(true);
  });

  it('may be empty', async () => {
    upstream.on(ACTION, sends({ 'content-length': '0' }, Buffer.alloc(0)));
    expect(await download()).toHaveLength(0);
  });

  it('keeps its connection for the next one', async () => {
    upstream.on(ACTION, sends({}, Buffer.from('zip')));
    await download();
    // undici lets a turn of the event loop pass before it takes a connection as free.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = upstream.connections;
    await download();
    expect(upstream.connections).toBe(before);
  });

  it('is asked for again after a 401', async () => {
    upstream.on(ACTION, inTurn(status(401), sends({}, Buffer.from('zip'))));
    expect((await download()).toString()).toBe('zip');
  });

  it('is told to the hook at its headers', async () => {
    const { events, onRequest } = recorder();
    client = clientOf(upstream, { onRequest });
    upstream.on(ACTION, sends({}, Buffer.from('zip')));
    await download();
    expect(events.at(-1)).toMatchObject({
      route: '/v5/RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}/Action',
      status: 200,
    });
  });
});

describe('an answer that is no download', () => {
  it.each<[string, Respond]>([
    ['encoded', sends({ 'content-encoding': 'gzip' }, gzipSync('zip'))],
    ['JSON', sends({ 'content-type': 'application/json' }, Buffer.from('{}'))],
    ['a page', sends({ 'content-type': 'text/html' }, Buffer.from('<html>'))],
    ['without a type', (response) => response.writeHead(200).end('zip')],
  ])('is broken: %s', async (_, respond) => {
    upstream.on(ACTION, respond);
    expect(await failureOf(save())).toBeInstanceOf(UpstreamBrokenError);
  });

  it('is a refusal, whose endless body is not read', async () => {
    let written = 0;
    upstream.on(`GET ${SESSION_PATH}`, ok(wireSession()));
    const closed = new Promise<void>((resolve) => {
      upstream.on(ACTION, (response) => {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.once('close', resolve);
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(16_384, 'x'))) written += 16_384;
        };
        response.on('drain', more);
        more();
      });
    });
    expect(await failureOf(save())).toBeInstanceOf(UpstreamRejectedError);
    await closed;
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it('never came: not sent, broken or late', async () => {
    upstream.on(ACTION, hangUp);
    expect(await failureOf(save())).toBeInstanceOf(ActionAnswerUnknownError);
    expect(upstream.requests(ACTION)).toHaveLength(1);
    await upstream.close();
    expect(await failureOf(save())).toBeInstanceOf(ActionNotSentError);
    upstream = await ScriptedUpstream.start(certificate);
  });

  it('never came within a day', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { clock });
    const arrived = new Promise<void>((resolve) => {
      upstream.on(ACTION, (...args) => {
        neverAnswer(...args);
        resolve();
      });
    });
    const failure = failureOf(save());
    await arrived;
    await clock.advance(24 * 3_600_000);
    expect((await failure).code).toBe('upstream-timeout');
  });
});

describe('a download that is not whole', () => {
  it.each<[string, Record<string, string>]>([
    ['with a length', { 'content-length': '1000' }],
    ['without a length', {}],
  ])('fails when upstream cuts it %s', async (_, headers) => {
    const cut = stalled(headers);
    const { body } = await save();
    (await cut).destroy();
    expect(await failureOf(buffer(body))).toBeInstanceOf(UpstreamBrokenError);
  });

  it('fails also for a reader who comes only after the cut', async () => {
    const cut = stalled();
    const { body } = await save();
    const closed = new Promise<void>((resolve) => body.once('close', resolve));
    body.read(0);
    (await cut).destroy();
    await closed;
    expect(await failureOf(pipeline(body, new PassThrough()))).toBeInstanceOf(UpstreamBrokenError);
  });

  it('fails when upstream falls silent while somebody waits', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { clock });
    const response = stalled();
    const { body } = await save();
    const failure = failureOf(buffer(body));
    const closed = once(await response, 'close');
    await clock.advance(119_999);
    expect(body.destroyed).toBe(false);
    await clock.advance(120_000);
    expect(await failure).toBeInstanceOf(UpstreamTimeoutError);
    await closed;
  });
});

it('a reader that pauses is not taken for a silent upstream, and stops upstream from sending', async () => {
  const clock = new ManualClock();
  client = clientOf(upstream, { clock });
  const total = 64 * 1024 * 1024;
  let sent = 0;
  upstream.on(ACTION, (response) => {
    response.writeHead(200, { ...ZIP, 'content-length': String(total) });
    const piece = Buffer.alloc(64 * 1024);
    const more = () => {
      while (sent < total) {
        sent += piece.length;
        if (!response.write(piece)) return;
      }
      response.end();
    };
    response.on('drain', more);
    more();
  });
  const { body } = await save();
  // Until nothing moves any more: what is under way is in buffers.
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(body.readableLength).toBeLessThanOrEqual(1024 * 1024);
  expect(sent).toBeLessThan(total / 2);
  await clock.advance(600_000);
  expect(body.destroyed).toBe(false);
  expect((await buffer(body)).length).toBe(total);
});

describe('a reader that leaves', () => {
  it('while upstream builds the file ends its connection', async () => {
    const controller = new AbortController();
    const closed = new Promise<void>((resolve) => {
      upstream.on(ACTION, (response) => {
        response.once('close', resolve);
        controller.abort(new Error('the caller left'));
      });
    });
    await expect(save(controller.signal)).rejects.toThrow('the caller left');
    await closed;
  });

  it.each<[string, (controller: AbortController, stream: SaveStream) => void]>([
    [
      'aborting',
      (controller) => {
        controller.abort(new Error('the caller left'));
      },
    ],
    [
      'destroying the body',
      (_, { body }) => {
        body.destroy(new Error('the caller left'));
      },
    ],
  ])('half way by %s ends its connection', async (_, leave) => {
    const controller = new AbortController();
    const response = stalled();
    const stream = await save(controller.signal);
    const closed = once(await response, 'close');
    const reading = expect(buffer(stream.body)).rejects.toThrow('the caller left');
    leave(controller, stream);
    await reading;
    await closed;
  });

  it('before asking asks for nothing', async () => {
    await expect(save(AbortSignal.abort(new Error('the caller left')))).rejects.toThrow('the caller left');
    expect(upstream.requests(ACTION)).toHaveLength(0);
  });
});
