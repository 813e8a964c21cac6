import { ManualClock } from '@app/clock';
import { UpstreamBrokenError, UpstreamLoginFailedError, UpstreamUnavailableError } from '@app/problems';
import { Secret } from '@app/secrets';
import { upstreamMessageOf } from './errors.js';
import { CANARY, clientOf, failureOf, loginSource, recorder, VEEAM_PASSWORD } from './testing/client-of.js';
import {
  inTurn,
  json,
  makeCertificate,
  ok,
  type Respond,
  ScriptedUpstream,
  status,
} from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
let upstream: ScriptedUpstream;
let client: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
  upstream.on('GET /v5/Organizations', ok([]));
});

afterEach(async () => {
  await client.close();
  await upstream.close();
});

const logins = () => upstream.requests('POST /v5/token').map(({ body }) => new URLSearchParams(body));
const grants = () => logins().map((form) => form.get('grant_type'));
/** Accepts only the token of the login with this number. */
const onlyToken =
  (number: number): Respond =>
  (response, { headers }) => {
    if (headers.authorization === `Bearer access-token-${number}`) json(response, 200, []);
    else response.writeHead(401).end();
  };
const many = (count: number) => Promise.all(Array.from({ length: count }, () => client.listOrganizations()));

describe('login', () => {
  it('is one form post with the password grant, without the antiforgery field that v5 does not know', async () => {
    client = clientOf(upstream);
    await client.listOrganizations();
    expect(upstream.requests('POST /v5/token')[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(logins()[0] ?? [])).toEqual({
      grant_type: 'password',
      username: 'CORP\\gateway',
      password: VEEAM_PASSWORD,
    });
  });

  it('happens once for 50 parallel calls', async () => {
    client = clientOf(upstream);
    await many(50);
    expect(grants()).toEqual(['password']);
    expect(upstream.requests('GET /v5/Organizations')).toHaveLength(50);
  });

  it('happens exactly once more when 50 parallel calls meet a 401 with an empty body', async () => {
    client = clientOf(upstream);
    await client.listOrganizations();
    upstream.on('GET /v5/Organizations', onlyToken(2));
    await many(50);
    expect(grants()).toEqual(['password', 'password']);
  });

  it('is not thrown away by a late 401 to the token before it', async () => {
    const held: (() => void)[] = [];
    const bothArrived = new Promise<void>((resolve) => {
      upstream.on('GET /v5/Organizations', (response, request) => {
        if (request.headers.authorization !== 'Bearer access-token-1') {
          json(response, 200, []);
        } else if (held.push(() => response.writeHead(401).end()) === 2) {
          resolve();
        }
      });
    });
    client = clientOf(upstream);
    const calls = [client.listOrganizations(), client.listOrganizations()];
    await bothArrived;
    held[0]?.();
    await Promise.race(calls);
    held[1]?.();
    await Promise.all(calls);
    expect(grants()).toEqual(['password', 'password']);
  });

  it('is given up after a second 401 in a row', async () => {
    upstream.on('GET /v5/Organizations', status(401));
    client = clientOf(upstream);
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamLoginFailedError);
    expect(grants()).toEqual(['password', 'password']);
    expect(upstream.requests('GET /v5/Organizations')).toHaveLength(2);
  });
});

describe('token renewal', () => {
  it('uses the refresh token a minute before the end, once for parallel calls', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { clock });
    await client.listOrganizations();
    await clock.advance(3_539_000);
    await client.listOrganizations();
    expect(grants()).toEqual(['password']);
    await clock.advance(1_000);
    await many(10);
    expect(grants()).toEqual(['password', 'refresh_token']);
    expect(logins()[1]?.get('refresh_token')).toBe('refresh-token-1');
    expect(upstream.requests('GET /v5/Organizations').at(-1)?.headers.authorization).toBe('Bearer access-token-2');
  });

  it('falls back to the password when the refresh token is refused', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { clock });
    await client.listOrganizations();
    upstream.on(
      'POST /v5/token',
      inTurn(status(400, '{"error":"invalid_grant"}'), ok({ access_token: 'access-token-9', expires_in: 60 })),
    );
    await clock.advance(3_600_000);
    await client.listOrganizations();
    expect(grants()).toEqual(['password', 'refresh_token', 'password']);
  });

  it('does not offer the password to a server that is only busy', async () => {
    const clock = new ManualClock();
    client = clientOf(upstream, { clock });
    await client.listOrganizations();
    upstream.on('POST /v5/token', status(429));
    await clock.advance(3_600_000);
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamUnavailableError);
    expect(grants()).toEqual(['password', 'refresh_token']);
  });
});

describe('a refused login', () => {
  const refused: Respond = (response, { body }) => {
    json(response, 400, {
      error: 'invalid_grant',
      error_description: `no: ${new URLSearchParams(body).get('password') ?? ''}`,
    });
  };

  it.each([400, 401])('with %i is the failure of the gateway, told without the password', async (code) => {
    upstream.on('POST /v5/token', (response, { body }) => {
      json(response, code, { error: 'invalid_grant', error_description: `refused ${body}` });
    });
    client = clientOf(upstream);
    const error = await failureOf(client.listOrganizations());
    expect(error).toBeInstanceOf(UpstreamLoginFailedError);
    expect(upstreamMessageOf(error)).toContain('refused grant_type=password');
    expect(upstreamMessageOf(error)).toContain('[redacted]');
    expect(upstream.requests('GET /v5/Organizations')).toHaveLength(0);
  });

  it('is not repeated for some seconds, however many ask, so that the account is not locked', async () => {
    const clock = new ManualClock();
    upstream.on('POST /v5/token', refused);
    client = clientOf(upstream, { clock });
    await Promise.allSettled(Array.from({ length: 20 }, () => client.listOrganizations()));
    await failureOf(client.listOrganizations());
    expect(grants()).toHaveLength(1);
    await clock.advance(5_000);
    await failureOf(client.listOrganizations());
    expect(grants()).toHaveLength(2);
  });

  it('is tried once more when the password has been rotated meanwhile', async () => {
    upstream.on('POST /v5/token', inTurn(refused, ok({ access_token: 'access-token-7', expires_in: 3600 })));
    const login = loginSource(`old-${CANARY}`, `new-${CANARY}`);
    client = clientOf(upstream, { login });
    await client.listOrganizations();
    expect(logins().map((form) => form.get('password'))).toEqual([`old-${CANARY}`, `new-${CANARY}`]);
    expect(login.current.password.expose()).toBe(`new-${CANARY}`);
  });

  it('keeps the old password when the fresh one is refused too, and tries that no more for a minute', async () => {
    const clock = new ManualClock();
    const login = loginSource(`old-${CANARY}`, `new-${CANARY}`);
    upstream.on('POST /v5/token', refused);
    client = clientOf(upstream, { login, clock });
    const tried = () => logins().map((form) => form.get('password')?.slice(0, 3));
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamLoginFailedError);
    await failureOf(client.listOrganizations());
    expect(tried()).toEqual(['old', 'new']);
    await clock.advance(5_000);
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamLoginFailedError);
    expect(tried()).toEqual(['old', 'new', 'old']);
    await clock.advance(60_000);
    await failureOf(client.listOrganizations());
    expect(tried()).toEqual(['old', 'new', 'old', 'old', 'new']);
    expect(login.current.password.expose()).toBe(`old-${CANARY}`);
  });
});

describe('a login that is tried', () => {
  const other = { username: new Secret('CORP\\other'), password: new Secret(`other-${CANARY}`) };

  it('is gone on with at once when it is taken', async () => {
    client = clientOf(upstream);
    await client.listOrganizations();
    await client.tryLogin(other);
    await client.listOrganizations();
    expect(logins().map((form) => form.get('username'))).toEqual(['CORP\\gateway', 'CORP\\other']);
    const tokens = upstream.requests('GET /v5/Organizations').map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(['Bearer access-token-1', 'Bearer access-token-2']);
  });

  it('changes nothing when it is refused', async () => {
    client = clientOf(upstream);
    await client.listOrganizations();
    upstream.on('POST /v5/token', status(400));
    expect(await failureOf(client.tryLogin(other))).toBeInstanceOf(UpstreamLoginFailedError);
    await client.listOrganizations();
    const tokens = upstream.requests('GET /v5/Organizations').map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(['Bearer access-token-1', 'Bearer access-token-1']);
  });
});

describe('a server that cannot log anybody in', () => {
  it.each([429, 500, 503])('with %i is unavailable, and asked again by the next call', async (code) => {
    upstream.on('POST /v5/token', (response) => response.writeHead(code, { 'retry-after': '7' }).end());
    client = clientOf(upstream);
    const error = await failureOf(client.listOrganizations());
    expect(error).toBeInstanceOf(UpstreamUnavailableError);
    expect(error.retryAfterSeconds).toBe(7);
    await failureOf(client.listOrganizations());
    expect(grants()).toHaveLength(2);
  });

  it.each([
    ['no JSON', '<html>'],
    ['no token', '{"expires_in":3600}'],
    ['no lifetime', '{"access_token":"access-token-1"}'],
    ['a token that is no header value', '{"access_token":"access-token-\\r\\nX: 1","expires_in":3600}'],
  ])('with 200 and %s is broken', async (_, body) => {
    upstream.on('POST /v5/token', status(200, body));
    client = clientOf(upstream);
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamBrokenError);
  });
});

it('tells every request by its route template, without ids', async () => {
  const { events, onRequest } = recorder();
  client = clientOf(upstream, {
    onRequest,
    traceparent: () => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    requestId: () => 'request-1',
  });
  await failureOf(client.users.listOneDrives('organization-1', 'user/1+=', undefined));
  expect(events).toMatchObject([
    { method: 'POST', route: '/v5/token', status: 200, errorCode: undefined },
    { method: 'GET', route: '/v5/Organizations/{organizationId}/Users/{userId}/OneDrives', status: 404 },
  ]);
  const [, received] = upstream.received;
  expect(received?.url).toBe('/v5/Organizations/organization-1/Users/user%2F1%2B%3D/OneDrives?offset=0&limit=250');
  expect(received?.headers).toMatchObject({
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'x-request-id': 'request-1',
  });
});
