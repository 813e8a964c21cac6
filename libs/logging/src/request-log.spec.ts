import { ManualClock } from '@app/clock';
import { Scrubber } from '@app/secrets';
import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from './logger.js';
import { Metrics } from './metrics.js';
import { acceptRequestId, addUpstreamTime, currentRequestContext } from './request-context.js';
import { logRequests, requestContextOf } from './request-log.js';

type Line = Record<string, unknown>;

describe('logRequests', () => {
  let server: FastifyInstance;
  let url: string;
  let clock: ManualClock;
  let metrics: Metrics;
  let lines: Line[];
  let waiting: (() => void)[];

  beforeEach(async () => {
    lines = [];
    waiting = [];
    clock = new ManualClock();
    metrics = new Metrics();
    const write = (text: string) => {
      lines.push(JSON.parse(text) as Line);
      waiting.shift()?.();
    };
    const logger = createLogger({ level: 'info', scrubber: new Scrubber(), destination: { write } });
    server = fastify({
      trustProxy: ['127.0.0.1'],
      frameworkErrors: (_error, request, reply) => {
        reply.raw.writeHead(400).end(JSON.stringify({ requestId: requestContextOf(request)?.requestId }));
      },
    });
    logRequests(server, logger, metrics, clock);

    server.get('/items/:id', async () => {
      await clock.advance(40);
      addUpstreamTime('emea', 10);
      addUpstreamTime('apac', 15);
      const context = currentRequestContext();
      if (context) context.caller = { issuer: 'https://sso', subject: 'alice', clientId: 'portal' };
      return { requestId: context?.requestId };
    });
    server.post('/items', () => ({ requestId: currentRequestContext()?.requestId }));
    server.get('/fails', (_request, reply) => reply.code(502).send());
    server.get('/stalls', (_request, reply) => {
      reply.raw.writeHead(200);
      reply.raw.write('the beginning');
      reply.hijack();
    });
    server.get('/silent', () => new Promise(() => undefined));
    server.setErrorHandler((_error, _request, reply) =>
      reply.code(400).send({ requestId: currentRequestContext()?.requestId }),
    );
    await server.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  });

  afterEach(() => server.close());

  /** The line that is written next, or was written already. */
  async function nextLine(): Promise<Line> {
    if (lines.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return lines.shift() ?? {};
  }

  it('writes one line with chosen fields, and no URL, query or header', async () => {
    const response = await fetch(`${url}/items/secret-id?token=secret-query`, {
      headers: {
        'x-request-id': 'caller-1',
        'x-forwarded-for': '192.0.2.7',
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        authorization: 'secret-header',
      },
    });

    expect(response.headers.get('x-request-id')).toBe('caller-1');
    expect(await response.json()).toEqual({ requestId: 'caller-1' });
    expect(await nextLine()).toEqual({
      level: 'info',
      time: expect.any(String) as string,
      requestId: 'caller-1',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      callerTraceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      method: 'GET',
      route: '/items/:id',
      status: 200,
      durationMs: 40,
      upstreamMs: 25,
      backupServer: 'apac, emea',
      remoteAddress: '192.0.2.7',
      issuer: 'https://sso',
      subject: 'alice',
      client: 'portal',
      msg: 'request',
    });
    expect(lines).toEqual([]);
    expect((await metrics.expose()).text).toContain(
      'http_requests_total{method="GET",route="/items/:id",status="200"} 1',
    );
  });

  it('keeps the context behind a body that was waited for', async () => {
    const request = httpRequest(`${url}/items`, {
      method: 'POST',
      headers: { 'x-request-id': 'slow-body', 'content-type': 'application/json' },
    });
    const arrived = once(server.server, 'request');
    request.write('{"a":');
    await arrived;
    request.end('1}');
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
    let body = '';
    for await (const chunk of response) body += chunk.toString();
    expect(JSON.parse(body)).toEqual({ requestId: 'slow-body' });
  });

  it('knows the request of a body that cannot be parsed', async () => {
    const headers = { 'x-request-id': 'bad-body', 'content-type': 'application/json' };
    const response = await fetch(`${url}/items`, { method: 'POST', headers, body: '{' });
    expect(await response.json()).toEqual({ requestId: 'bad-body' });
    expect(await nextLine()).toMatchObject({ requestId: 'bad-body', status: 400, level: 'info' });
  });

  it('knows the request of a URL that cannot be decoded', async () => {
    const response = await fetch(`${url}/items/%zz`, { headers: { 'x-request-id': 'bad-url' } });
    expect(response.headers.get('x-request-id')).toBe('bad-url');
    expect(await response.json()).toEqual({ requestId: 'bad-url' });
  });

  it('makes a new id of one that could do harm', async () => {
    const response = await fetch(`${url}/fails`, { headers: { 'x-request-id': 'a b' } });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('writes a failure of ours or of upstream as an error', async () => {
    await fetch(`${url}/fails`);
    expect(await nextLine()).toMatchObject({ level: 'error', status: 502, route: '/fails' });
  });

  it.each(['/nowhere/secret-id', '/items/%zz'])('writes no path of %s, which no route takes', async (path) => {
    await fetch(url + path);
    const line = await nextLine();
    expect(line).toMatchObject({ level: 'info', route: 'unmatched' });
    expect(JSON.stringify(line)).not.toMatch(/secret-id|zz/);
  });

  it.each([
    ['before the answer began', '/silent', undefined],
    ['in the middle of the answer', '/stalls', 200],
  ])('writes one line for a caller who leaves %s', async (_, path, status) => {
    const request = httpRequest(url + path).on('error', () => undefined);
    const arrived = once(server.server, 'request');
    request.end();
    await arrived;
    if (status !== undefined) await once(request, 'response');
    request.destroy();

    const line = await nextLine();
    expect(line).toMatchObject({ level: 'info', route: path, aborted: true, remoteAddress: '127.0.0.1' });
    expect(line.status).toBe(status);
    expect(lines).toEqual([]);
    expect((await metrics.expose()).text).toContain(
      `http_requests_total{method="GET",route="${path}",status="aborted"} 1`,
    );
  });

  it('writes a line for each request of a connection that is kept', async () => {
    for (const id of ['first', 'second', 'third']) {
      await (await fetch(`${url}/items/1`, { headers: { 'x-request-id': id } })).text();
      expect(await nextLine()).toMatchObject({ requestId: id, status: 200 });
    }
    expect(lines).toEqual([]);
  });
});

describe('acceptRequestId', () => {
  it.each(['a', 'A-z_0.9', 'x'.repeat(64)])('takes %s', (id) => {
    expect(acceptRequestId(id)).toBe(id);
  });

  it.each([undefined, '', 'x'.repeat(65), 'a b', 'a\r\nb', 'a"b', 'ä', ['a', 'b']])('makes a new id for %j', (id) => {
    expect(acceptRequestId(id)).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
  });
});
