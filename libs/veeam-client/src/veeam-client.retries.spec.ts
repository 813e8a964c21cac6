import { ManualClock } from '@app/clock';
import {
  NotFoundError,
  UpstreamBrokenError,
  UpstreamRejectedError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from '@app/problems';
import { upstreamMessageOf } from './errors.js';
import { clientOf, failureOf, SESSION_ID, SESSION_PATH, wireSession } from './testing/client-of.js';
import {
  hangUp,
  inTurn,
  json,
  makeCertificate,
  neverAnswer,
  ok,
  ScriptedUpstream,
  status,
} from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
const ORGANIZATIONS = 'GET /v5/Organizations';
const EXPLORE = 'POST /v5/Organizations/organization-1/Action';
const EXPLORE_OPTIONS = { showDeleted: false, showAllVersions: false };
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

describe('a read', () => {
  it.each([
    ['a lost connection', hangUp],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
  ])('is tried again after %s', async (_, failure) => {
    upstream.on(ORGANIZATIONS, inTurn(failure, failure, ok([])));
    expect(await client.listOrganizations()).toEqual([]);
    expect(upstream.requests(ORGANIZATIONS)).toHaveLength(3);
  });

  it.each([
    ['a lost connection', hangUp, UpstreamBrokenError],
    ['502', status(502), UpstreamBrokenError],
    ['503', status(503), UpstreamUnavailableError],
    ['504', status(504), UpstreamTimeoutError],
  ])('is given up after the third time of %s', async (_, failure, kind) => {
    upstream.on(ORGANIZATIONS, failure);
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(kind);
    expect(upstream.requests(ORGANIZATIONS)).toHaveLength(3);
  });

  it.each([400, 403, 404, 409, 429, 500])('is not tried again after %i', async (code) => {
    upstream.on(ORGANIZATIONS, status(code));
    await failureOf(client.listOrganizations());
    expect(upstream.requests(ORGANIZATIONS)).toHaveLength(1);
  });

  it('is left to the caller when upstream wants a long pause', async () => {
    upstream.on(ORGANIZATIONS, (response) => response.writeHead(503, { 'retry-after': '600' }).end());
    expect((await failureOf(client.listOrganizations())).retryAfterSeconds).toBe(600);
    expect(upstream.requests(ORGANIZATIONS)).toHaveLength(1);
  });

  it('ends with the reason of the signal, and its connection with it', async () => {
    const controller = new AbortController();
    const arrived = new Promise<void>((resolve) => {
      upstream.on(ORGANIZATIONS, () => {
        resolve();
      });
    });
    const listing = client.listOrganizations(controller.signal);
    await arrived;
    controller.abort(new Error('the caller left'));
    await expect(listing).rejects.toThrow('the caller left');
    expect(upstream.requests(ORGANIZATIONS)).toHaveLength(1);
  });

  it('that is silent too long is a timeout, by our own clock', async () => {
    const clock = new ManualClock();
    await client.close();
    client = clientOf(upstream, { clock });
    upstream.on(ORGANIZATIONS, ok([]));
    await client.listOrganizations();
    upstream.on(ORGANIZATIONS, neverAnswer);
    const failure = failureOf(client.listOrganizations());
    for (let attempt = 1; attempt <= 3; attempt++) {
      while (upstream.requests(ORGANIZATIONS).length < 1 + attempt) await clock.advance(1);
      await clock.advance(60_000);
    }
    expect(await failure).toBeInstanceOf(UpstreamTimeoutError);
    expect(upstream.requests(ORGANIZATIONS)).toHaveLength(4);
  });
});

describe('anything but a read', () => {
  it.each([
    ['a lost connection', hangUp],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
  ])('is sent once, whatever comes: %s', async (_, failure) => {
    upstream.on(EXPLORE, failure);
    await failureOf(client.openRestoreSession('organization-1', EXPLORE_OPTIONS));
    expect(upstream.requests(EXPLORE)).toHaveLength(1);
  });

  it('is sent once more after a 401', async () => {
    upstream.on(
      EXPLORE,
      inTurn(status(401), (response) => {
        json(response, 201, wireSession());
      }),
    );
    expect(await client.openRestoreSession('organization-1', EXPLORE_OPTIONS)).toEqual({
      id: SESSION_ID,
      state: 'running',
      createdAt: '2026-01-15T09:00:00.067Z',
      endedAt: undefined,
    });
  });
});

it('a refused connection is tried three times, whatever was to be asked', async () => {
  const { url } = upstream;
  await upstream.close();
  upstream = await ScriptedUpstream.start(certificate);
  await client.close();
  client = clientOf({ url, certificate });
  const error = await failureOf(client.openRestoreSession('organization-1', EXPLORE_OPTIONS));
  expect(error).toBeInstanceOf(UpstreamUnavailableError);
  expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
});

describe('an answer that is of no use', () => {
  it('is a redirect, which is not followed', async () => {
    upstream.on(ORGANIZATIONS, (response) => response.writeHead(302, { location: '/v5/Elsewhere' }).end());
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamBrokenError);
    expect(upstream.requests('GET /v5/Elsewhere')).toHaveLength(0);
  });

  it.each([
    ['no JSON', '<html></html>'],
    ['another shape', '{"results":[]}'],
    ['an organization with an id of another kind', '[{"id":1,"name":"contoso.onmicrosoft.com"}]'],
    ['a time that is none', '[{"id":"1","name":"contoso.onmicrosoft.com","lastBackuptime":"yesterday"}]'],
    ['nothing', ''],
  ])('is 200 with %s', async (_, body) => {
    upstream.on(ORGANIZATIONS, status(200, body));
    expect(await failureOf(client.listOrganizations())).toBeInstanceOf(UpstreamBrokenError);
  });

  it('is longer than any list can be', async () => {
    upstream.on(ORGANIZATIONS, (response) => response.end(Buffer.alloc(17 * 1024 * 1024, ' ')));
    expect((await failureOf(client.listOrganizations())).message).toMatch(/longer than/);
  });
});

it('says nothing of what upstream says, but to the log, and nowhere its stack trace', async () => {
  upstream.on(ORGANIZATIONS, (response, { headers }) => {
    json(response, 500, {
      message: `WCF fault for ${headers.authorization ?? ''}`,
      errorCode: 'ProxyOffline',
      stackTrace: 'at Veeam.Archiver.stackTrace()',
    });
  });
  const error = await failureOf(client.listOrganizations());
  expect(error).toBeInstanceOf(UpstreamRejectedError);
  expect(error.message).toBe('The backup server refused the request.');
  expect(error.cause).toMatchObject({ status: 500, code: 'ProxyOffline' });
  expect(upstreamMessageOf(error)).toMatch(/^WCF fault for .*\[redacted\]/);
});

describe('an id', () => {
  it.each(['', '.', '..', 'a\u0000b', 'a\r\nb', '\ud800'])(
    'that no URL can hold is refused before anything is sent: %j',
    async (id) => {
      expect(await failureOf(client.users.listOneDrives('organization-1', id))).toBeInstanceOf(NotFoundError);
      expect(upstream.requests('GET /v5/Organizations')).toHaveLength(0);
      expect(upstream.received).toEqual([]);
    },
  );

  it('that would climb out of the URL stays one segment', async () => {
    await failureOf(client.getOneDrive(SESSION_ID, '../../../Organizations'));
    await failureOf(client.getOneDrive(SESSION_ID, '%2e%2e/x?y#z'));
    const urls = upstream.received.map(({ url }) => url).filter((url) => url.includes('OneDrives'));
    expect(urls).toEqual([
      `${SESSION_PATH}/Organization/OneDrives/..%2F..%2F..%2FOrganizations`,
      `${SESSION_PATH}/Organization/OneDrives/%252e%252e%2Fx%3Fy%23z`,
    ]);
  });
});

it('collects all pages, and keeps only users whose login is the very address', async () => {
  const users = Array.from({ length: 250 }, (_, index) => ({ id: `id-${index}`, name: `user${index}@contoso.com` }));
  const alice = {
    id: '11111111-2222-3333-4444-55555555555500000000-0000-0000-0000-000000000000',
    name: 'Alice@contoso.com',
    displayName: 'Alice',
  };
  upstream.on('GET /v5/Organizations/organization-1/Users', (response, { url }) => {
    const offset = Number(new URL(url, upstream.url).searchParams.get('offset'));
    json(response, 200, { offset, limit: 250, results: offset === 0 ? users : [alice] });
  });
  expect(await client.users.find('organization-1', 'alice@CONTOSO.com')).toEqual([
    { ...alice, objectId: '11111111-2222-3333-4444-555555555555' },
  ]);
  expect(upstream.requests('GET /v5/Organizations/organization-1/Users').map(({ url }) => url.split('?')[1])).toEqual([
    'username=alice%40CONTOSO.com&offset=0&limit=250',
    'username=alice%40CONTOSO.com&offset=250&limit=250',
  ]);
});

it('lists everybody, page by page, up to 50,000', async () => {
  let most = 600;
  upstream.on('GET /v5/Organizations/organization-1/Users', (response, { url }) => {
    const offset = Number(new URL(url, upstream.url).searchParams.get('offset'));
    const length = Math.max(0, Math.min(250, most - offset));
    json(response, 200, { results: Array.from({ length }, (_, index) => ({ id: `id-${offset + index}`, name: 'x' })) });
  });
  expect((await client.users.list('organization-1')).map(({ id }) => id)).toEqual(
    Array.from({ length: 600 }, (_, index) => `id-${index}`),
  );
  expect(upstream.requests('GET /v5/Organizations/organization-1/Users').map(({ url }) => url.split('?')[1])).toEqual([
    'offset=0&limit=250',
    'offset=250&limit=250',
    'offset=500&limit=250',
  ]);
  most = 1_000_000;
  expect(await failureOf(client.users.list('organization-1'))).toBeInstanceOf(UpstreamBrokenError);
  expect(upstream.received.length).toBeLessThan(210);
});

it('does not read pages without end', async () => {
  upstream.on('GET /v5/Organizations/organization-1/Users', (response) => {
    const results = Array.from({ length: 250 }, (_, index) => ({ id: `id-${index}`, name: 'x' }));
    json(response, 200, { offset: 0, limit: 250, results, _links: { next: { href: '/' } } });
  });
  expect(await failureOf(client.users.find('organization-1', 'a@b.c'))).toBeInstanceOf(UpstreamBrokenError);
  expect(upstream.received.length).toBeLessThan(45);
});
