import 'reflect-metadata';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '@app/clock';
import { ProblemDetailsFilter } from '@app/problems';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { makeKey, TestIssuer, type SigningKey } from '../spec-support/test-issuer.js';
import { AccessTokenAuthenticator } from './access-token-authenticator.js';
import { AccessTokenGuard } from './access-token.guard.js';
import { authenticateRequests } from './authenticate-requests.js';
import { challenge } from './challenge.js';
import { CurrentPrincipal } from './current-principal.decorator.js';
import type { Principal } from './principal.js';
import { Public } from './public.decorator.js';

const PUBLIC_URL = 'https://gateway.example';
const METADATA = `Bearer resource_metadata="${PUBLIC_URL}/.well-known/oauth-protected-resource"`;

@Controller()
class TestController {
  @Get('me')
  me(@CurrentPrincipal() principal: Principal) {
    return { subject: principal.subject };
  }

  @Post('things/:id')
  create(@Body() body: object, @CurrentPrincipal() principal: Principal) {
    return { body, subject: principal.subject };
  }

  @Public()
  @Get('open')
  open() {
    return { open: true };
  }

  @Public()
  @Get('open-by-mistake')
  mistake(@CurrentPrincipal() principal: Principal) {
    return { subject: principal.subject };
  }
}

@Module({
  controllers: [TestController],
  providers: [
    { provide: APP_GUARD, useClass: AccessTokenGuard },
    {
      provide: APP_FILTER,
      useValue: new ProblemDetailsFilter({
        translate: (error) => error,
        headersOf: (error) => challenge(error, PUBLIC_URL),
        onProblem: () => undefined,
      }),
    },
  ],
})
class TestModule {}

let key: SigningKey;
let issuer: TestIssuer;
let authenticator: AccessTokenAuthenticator;
let app: NestFastifyApplication;
let parsedBodies: string[];
let url: string;

beforeAll(async () => {
  key = await makeKey('key');
});

beforeEach(async () => {
  const clock = new ManualClock();
  issuer = new TestIssuer(clock);
  issuer.keys = [key];
  await issuer.start();
  authenticator = new AccessTokenAuthenticator({ issuers: [issuer.configuration()], roleBindings: () => [], clock });
  await startApp(true);
});

afterEach(async () => {
  await app.close();
  authenticator.onApplicationShutdown();
  await issuer.stop();
});

async function startApp(isAuthenticated: boolean): Promise<void> {
  app = await NestFactory.create<NestFastifyApplication>(
    TestModule,
    new FastifyAdapter({ forceCloseConnections: true }),
    {
      logger: false,
      bodyParser: false,
    },
  );
  const fastify = app.getHttpAdapter().getInstance();
  if (isAuthenticated) authenticateRequests(fastify, authenticator, (pattern) => pattern.startsWith('/docs'));
  parsedBodies = [];
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    parsedBodies.push(body.toString());
    done(null, JSON.parse(body.toString()));
  });
  fastify.get('/docs/page', () => 'docs');
  await app.init();
  await fastify.register((plugin, _options, done) => {
    plugin.get('/plugin', () => 'plugin');
    done();
  });
  await app.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
}

const withToken = async () => ({ authorization: `Bearer ${await issuer.token()}` });

describe('a request with a valid token', () => {
  it('reaches the handler, which knows the caller', async () => {
    const answer = await fetch(`${url}/me`, { headers: await withToken() });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ subject: 'alice' });
  });

  it('has its body parsed', async () => {
    const headers = { ...(await withToken()), 'content-type': 'application/json' };
    const answer = await fetch(`${url}/things/1`, { method: 'POST', headers, body: '{"a":1}' });
    expect(await answer.json()).toEqual({ body: { a: 1 }, subject: 'alice' });
    expect(parsedBodies).toEqual(['{"a":1}']);
  });

  it('learns that there is no such route', async () => {
    const answer = await fetch(`${url}/nowhere`, { headers: await withToken() });
    expect(answer.status).toBe(404);
  });
});

describe('a request without a valid token', () => {
  it.each([
    ['GET', '/me'],
    ['HEAD', '/me'],
    ['OPTIONS', '/me'],
    ['POST', '/me'],
    ['POST', '/things/1'],
    ['GET', '/nowhere'],
    ['DELETE', '/open'],
    ['GET', '/Open'],
    ['GET', '//open'],
    ['GET', '/open/..%2fme'],
    ['GET', '/nowhere/docs/page'],
    ['GET', '/docs/nothing'],
    ['GET', '/plugin'],
  ])('is answered 401 at %s %s', async (method, path) => {
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(METADATA);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    if (method !== 'HEAD') expect(await answer.json()).toMatchObject({ code: 'token-missing', status: 401 });
  });

  it('is told what is wrong with the token', async () => {
    const answer = await fetch(`${url}/me`, { headers: { authorization: 'Bearer garbage' } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(
      `${METADATA}, error="invalid_token", error_description="The token is not a signed JWT."`,
    );
    expect(await answer.json()).toMatchObject({ code: 'token-invalid', detail: 'The token is not a signed JWT.' });
  });

  it.each(['{"a":1}', '{broken', 'x'.repeat(2 * 1024 * 1024)])('is refused before its body is parsed', async (body) => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer garbage' };
    const answer = await fetch(`${url}/things/1`, { method: 'POST', headers, body });
    expect(answer.status).toBe(401);
    await answer.text();
    expect(parsedBodies).toEqual([]);
  });

  it('is refused before its body has even come', async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': '1000' };
      const pending = httpRequest(`${url}/things/1`, { method: 'POST', headers }, ({ statusCode }) => {
        resolve(statusCode);
        pending.destroy();
      });
      pending.on('error', reject);
      pending.write('{');
    });
    expect(status).toBe(401);
  });

  it('is refused with a second Authorization header, though the first is valid', async () => {
    const { authorization } = await withToken();
    const status = await new Promise((resolve, reject) => {
      const headers = ['Host', 'gateway', 'Authorization', authorization, 'Authorization', 'Bearer x'];
      httpRequest(`${url}/me`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(401);
  });

  it('is not blamed when the issuer is down', async () => {
    const headers = await withToken();
    await issuer.stop();
    const answer = await fetch(`${url}/me`, { headers });
    expect(answer.status).toBe(503);
    expect(answer.headers.has('www-authenticate')).toBe(false);
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(await answer.json()).toMatchObject({ code: 'issuer-unavailable' });
  });
});

describe('a public route', () => {
  it.each(['/open', '/docs/page'])('needs no token: %s', async (path) => {
    expect((await fetch(url + path)).status).toBe(200);
  });

  it('does not look at a token', async () => {
    expect((await fetch(`${url}/open`, { headers: { authorization: 'Bearer garbage' } })).status).toBe(200);
  });

  it('has no caller', async () => {
    expect((await fetch(`${url}/open-by-mistake`)).status).toBe(500);
  });
});

describe('without the hook', () => {
  it.each(['/me', '/open'])('every handler stays closed by the guard: %s', async (path) => {
    await app.close();
    await startApp(false);
    expect((await fetch(url + path, { headers: await withToken() })).status).toBe(500);
  });
});
