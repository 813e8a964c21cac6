import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';

import { DomainError, ProblemDetailsFilter } from '@app/problems';
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

import { CopyDto, toCopyRequest } from '../actions/dto/copy.dto.js';
import { SaveDto, toSaveRequest } from '../actions/dto/save.dto.js';
import { answerRouterError, fromFastifyError } from './fastify-errors.js';
import { acceptStrictJson, bodyLimitBytes } from './json-body.js';
import { OneDriveParams } from './params.dto.js';
import { createValidationPipe } from './validation.js';

@Controller()
class EchoController {
  @Post('echo')
  echo(@Body() body: unknown): object {
    return { body: body ?? 'absent' };
  }

  @Post('copy')
  copy(@Body() dto: CopyDto): object {
    return toCopyRequest(dto);
  }

  @Post('save')
  save(@Body() dto: SaveDto): object {
    return toSaveRequest(dto);
  }

  @Get('sessions/:sid/onedrives/:oid')
  one(@Param() params: OneDriveParams): OneDriveParams {
    return params;
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

interface Answer {
  readonly status: number;
  readonly body: { code?: string; detail?: string; errors?: { field: string; message: string }[] } & Record<
    string,
    unknown
  >;
}

describe('acceptStrictJson', () => {
  let app: NestFastifyApplication;
  let base: string;
  const untranslated: unknown[] = [];

  beforeAll(async () => {
    const adapter = new FastifyAdapter({ routerOptions: { maxParamLength: 300 }, frameworkErrors: answerRouterError });
    app = await NestFactory.create<NestFastifyApplication>(EchoModule, adapter, { bodyParser: false, logger: false });
    acceptStrictJson(adapter.getInstance());
    app.useGlobalPipes(createValidationPipe());
    app.useGlobalFilters(
      new ProblemDetailsFilter({
        translate: (error) => fromFastifyError(error) ?? error,
        headersOf: () => ({}),
        onProblem: (problem, error) => {
          if (!(error instanceof DomainError) && problem.status !== 404) {
            untranslated.push(error);
          }
        },
      }),
    );
    await app.listen(0, '127.0.0.1');
    base = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await app.close();
    expect(untranslated).toEqual([]);
  });

  async function send(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(base + path, init);
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  const post = (
    body: RequestInit['body'],
    contentType: string | undefined = 'application/json',
    headers: Record<string, string> = {},
    path = '/echo',
  ) => send(path, { method: 'POST', body, headers: { 'content-type': contentType, ...headers } } as RequestInit);

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/json; profile=x',
  ])('reads %s', async (contentType) => {
    const answer = await post('{"a": "ä€😀"}', contentType);
    expect(answer).toEqual({ status: 201, body: { body: { a: 'ä€😀' } } });
  });

  it('takes a byte order mark for what it is', async () => {
    expect(await post('\ufeff{"a": 1}')).toEqual({ status: 201, body: { body: { a: 1 } } });
  });

  it.each([
    ['text/plain', '{"a": 1}'],
    ['application/x-www-form-urlencoded', 'stop='],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/jsonp', '{}'],
    ['application/json-patch+json', '[]'],
    ['application/problem+json', '{}'],
    ['nonsense', '{}'],
    ['application/json, text/plain', '{}'],
    ['application/json; charset=iso-8859-1', '{}'],
    ['application/json; charset=utf-16', '{}'],
    ['application/json; charset=utf-8; charset=latin1', '{}'],
  ])('answers 415 to %s', async (contentType, body) => {
    expect(await post(body, contentType)).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
  });

  it('answers 415 to a body without a content type', async () => {
    const answer = await rawPost('POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}');
    expect(answer).toMatch(/^HTTP\/1.1 415 /);
    expect(answer).toContain('unsupported-media-type');
  });

  it('answers 415 to a compressed body', async () => {
    expect(await post('{}', 'application/json', { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
  });

  it.each([
    ['no body at all', {}],
    ['an empty JSON body', { body: '', headers: { 'content-type': 'application/json' } }],
    ['an empty form, as curl sends it', { body: '', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
  ])('takes %s for an absent one', async (_, init) => {
    expect(await send('/echo', { method: 'POST', ...init })).toEqual({ status: 201, body: { body: 'absent' } });
    expect(await send('/save', { method: 'POST', ...init })).toEqual({
      status: 201,
      body: { action: 'save', asZip: true },
    });
  });

  it('says of an absent body what it should have held', async () => {
    const answer = await send('/copy', { method: 'POST' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation-failed', errors: [{ field: 'target' }] } });
  });

  it.each(['null', '[]', '"x"', '1', 'true', '[{"target": {"user": "a@b.example"}}]'])(
    'refuses %s, which is no object',
    async (body) => {
      expect(await post(body)).toMatchObject({
        status: 400,
        body: { code: 'validation-failed', errors: [{ field: '', message: 'The body must be a JSON object.' }] },
      });
    },
  );

  it('refuses invalid UTF-8', async () => {
    expect(await post(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toMatchObject({
      status: 400,
      body: { code: 'validation-failed', detail: 'The body is not valid UTF-8.' },
    });
  });

  it('reads 64 KiB and refuses one byte more', async () => {
    const padded = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`;
    expect((await post(padded(bodyLimitBytes))).status).toBe(201);
    for (const bytes of [bodyLimitBytes + 1, 1_000_000]) {
      expect(await post(padded(bytes))).toMatchObject({ status: 413, body: { code: 'payload-too-large' } });
    }
  });

  it('counts the bytes of a chunked body too', async () => {
    const chunk = 'x'.repeat(0x8000);
    const chunks = `8000\r\n${chunk}\r\n`.repeat(3);
    const answer = await rawPost(
      `POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('refuses duplicates before credentials, and credentials before unknown members', async () => {
    expect(await post('{"x": 1, "X": 1, "userPassword": "s3cret"}', undefined, {}, '/copy')).toMatchObject({
      status: 400,
      body: { code: 'validation-failed' },
    });
    const answer = await post('{"x": 1, "target": {"UserPassword": "s3cret"}}', undefined, {}, '/copy');
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'credentials-not-accepted', errors: [{ field: 'target.UserPassword' }] },
    });
    expect(JSON.stringify(answer)).not.toContain('s3cret');
  });

  it('answers 404 to an unknown path, whatever is sent there', async () => {
    expect((await post('x', 'text/plain', {}, '/nowhere')).status).toBe(404);
  });

  it.each([
    ['/sessions/nope/onedrives/x', 'sid'],
    ['/sessions/61954db6-7278-4d26-86f7-888bda5a4ec4/onedrives/..%2f..%2fx', 'oid'],
    ['/sessions/61954db6-7278-4d26-86f7-888bda5a4ec4/onedrives/a%00', 'oid'],
    ['/sessions/61954db6-7278-4d26-86f7-888bda5a4ec4/onedrives/a%252fb', 'oid'],
    [`/sessions/61954db6-7278-4d26-86f7-888bda5a4ec4/onedrives/${'a'.repeat(257)}`, 'oid'],
  ])('refuses the id in %s by its name', async (path, field) => {
    expect(await send(path, {})).toMatchObject({
      status: 400,
      body: { code: 'validation-failed', errors: [{ field }] },
    });
  });

  it('lets an id with /, + and = reach its handler as it was meant', async () => {
    const sid = '61954db6-7278-4d26-86f7-888bda5a4ec4';
    expect(await send(`/sessions/${sid}/onedrives/a%2Fb%2Bc%3D%3D`, {})).toEqual({
      status: 200,
      body: { sid, oid: 'a/b+c==' },
    });
  });

  it('says what the router refuses as a problem, without repeating the path', async () => {
    for (const path of ['/sessions/%zz/onedrives/x', `/sessions/${'a'.repeat(400)}/onedrives/x`]) {
      const response = await fetch(base + path);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json\b/);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const problem = await response.text();
      expect(problem).not.toMatch(/%zz|aaaa/);
      expect(JSON.parse(problem)).toMatchObject({
        status: 400,
        code: 'validation-failed',
        errors: [{ field: 'path', message: 'is not well-formed or too long' }],
      });
    }
  });

  function rawPost(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(base).port), '127.0.0.1', () => socket.write(request));
      let answer = '';
      socket.setEncoding('utf8');
      socket.on('data', (data: string) => (answer += data));
      socket.on('end', () => {
        resolve(answer);
      });
      socket.on('error', reject);
    });
  }
});

describe('fromFastifyError', () => {
  it('leaves alone what is not the caller’s fault', () => {
    expect(fromFastifyError(new Error('x'))).toBeUndefined();
    expect(fromFastifyError(Object.assign(new Error('x'), { code: 'ECONNRESET' }))).toBeUndefined();
    expect(
      fromFastifyError(Object.assign(new Error('x'), { code: 'FST_ERR_REP_ALREADY_SENT', statusCode: 500 })),
    ).toBeUndefined();
    expect(fromFastifyError({ code: 'FST_ERR_BAD_URL', statusCode: 400 })).toBeUndefined();
  });
});
