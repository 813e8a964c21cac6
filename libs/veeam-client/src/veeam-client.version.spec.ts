import type { ApiVersion } from '@app/config';
import { ManualClock } from '@app/clock';
import { UpstreamBrokenError, UpstreamRejectedError } from '@app/problems';
import type { VersionMemory } from './options.js';
import { clientOf, failureOf } from './testing/client-of.js';
import { json, makeCertificate, ok, type Respond, ScriptedUpstream, status } from './testing/scripted-upstream.js';
import type { VeeamClient } from './veeam-client.js';

const certificate = makeCertificate();
let upstream: ScriptedUpstream;
let client: VeeamClient;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start(certificate);
});

afterEach(async () => {
  await client.close();
  await upstream.close();
});

/** Lists to whoever has a token, asks everybody else for one. */
const served: Respond = (response, { headers }) => {
  if (headers.authorization) json(response, 200, { offset: 0, limit: 1, results: [] });
  else response.writeHead(401).end();
};
const newestFirst = ['v8', 'v7', 'v6', 'v5'] as const;
const serve = (...versions: ApiVersion[]) => {
  for (const version of newestFirst) {
    const isServed = versions.includes(version);
    upstream.on(`GET /${version}/Organizations`, isServed ? served : status(404));
    if (!isServed) upstream.on(`POST /${version}/token`, status(404));
  }
};
const anonymous = () =>
  upstream.received.filter(({ headers, method }) => method === 'GET' && !headers.authorization).map(({ url }) => url);

function memory(kept?: string): VersionMemory & { readonly kept: string | undefined } {
  return {
    get kept() {
      return kept;
    },
    recall: () => Promise.resolve(kept),
    keep: (version) => {
      kept ??= version;
      return Promise.resolve();
    },
  };
}

describe('the API version by auto', () => {
  it.each<[ApiVersion[], ApiVersion]>([
    [['v5', 'v6', 'v7', 'v8'], 'v8'],
    [['v8'], 'v8'],
    [['v5', 'v6', 'v7'], 'v7'],
    [['v5', 'v6'], 'v6'],
    [['v5'], 'v5'],
  ])('of a server that serves %j is %s, asked for without a token and kept', async (versions, expected) => {
    serve(...versions);
    const versionMemory = memory();
    client = clientOf(upstream, { apiVersion: 'auto', versionMemory });
    expect(await client.apiVersion()).toBe(expected);
    expect(versionMemory.kept).toBe(expected);
    expect(await client.apiVersion()).toBe(expected);
    const asked = newestFirst.slice(0, newestFirst.indexOf(expected) + 1);
    expect(anonymous()).toEqual(asked.map((version) => `/${version}/Organizations`));
  });

  it('is the one that another replica kept meanwhile', async () => {
    serve('v5', 'v8');
    let recalls = 0;
    const versionMemory: VersionMemory = {
      recall: () => Promise.resolve(recalls++ === 0 ? undefined : 'v5'),
      keep: () => Promise.resolve(),
    };
    client = clientOf(upstream, { apiVersion: 'auto', versionMemory });
    expect(await client.apiVersion()).toBe('v5');
  });

  it('stays what it was when the server serves a newer one, which is told once an hour and not used', async () => {
    serve('v5', 'v8');
    const clock = new ManualClock();
    client = clientOf(upstream, { apiVersion: 'auto', versionMemory: memory('v5'), clock });
    const health = { apiVersion: 'v5', newerVersions: ['v8'] };
    expect([await client.checkHealth(), await client.checkHealth()]).toEqual([health, health]);
    expect(anonymous().sort()).toEqual(['/v6/Organizations', '/v7/Organizations', '/v8/Organizations']);
    serve('v5');
    await clock.advance(3_600_000);
    expect(await client.checkHealth()).toEqual({ apiVersion: 'v5', newerVersions: [] });
    expect(upstream.requests('POST /v8/token')).toEqual([]);
  });

  it('is no less in use when the server stumbles over the question for a newer one', async () => {
    serve('v5');
    upstream.on('GET /v8/Organizations', status(500));
    client = clientOf(upstream, { apiVersion: 'auto', versionMemory: memory('v5') });
    expect(await client.checkHealth()).toEqual({ apiVersion: 'v5', newerVersions: [] });
  });

  it('cannot be found on a server that serves none, and is looked for again by the next call', async () => {
    serve();
    client = clientOf(upstream, { apiVersion: 'auto' });
    const error = await failureOf(client.apiVersion());
    expect(error).toBeInstanceOf(UpstreamBrokenError);
    expect(error.message).toMatch(
      /^The backup server serves none of the API versions v8, v7, v6, v5\. .*Operator authentication/,
    );
    serve('v5');
    expect(await client.apiVersion()).toBe('v5');
  });

  it('is not guessed from an answer that says neither yes nor no', async () => {
    serve('v5');
    upstream.on('GET /v8/Organizations', status(500));
    const versionMemory = memory();
    client = clientOf(upstream, { apiVersion: 'auto', versionMemory });
    expect(await failureOf(client.apiVersion())).toBeInstanceOf(UpstreamRejectedError);
    expect(versionMemory.kept).toBeUndefined();
  });
});

describe('a version that is not served', () => {
  const message = async () => (await failureOf(client.checkHealth())).message;

  it('though configured is told with those that are', async () => {
    serve('v5');
    client = clientOf(upstream, { apiVersion: 'v8' });
    expect(await message()).toBe('API v8 is configured, and the backup server serves v5: configure one of these.');
  });

  it('though it was found once is told likewise', async () => {
    serve('v8');
    client = clientOf(upstream, { apiVersion: 'auto', versionMemory: memory('v5') });
    expect(await message()).toBe(
      'API v5 was found at the first start and is kept, and the backup server serves v8: configure one of these.',
    );
  });

  it('on a server that serves none known points at its settings', async () => {
    serve();
    client = clientOf(upstream, { apiVersion: 'v8' });
    expect(await message()).toMatch(/serves none that the gateway knows\. If "Operator authentication only" is/);
  });

  it('is told by any other call too', async () => {
    serve('v5');
    client = clientOf(upstream, { apiVersion: 'v8' });
    const error = await failureOf(client.listOrganizations());
    expect(error.message).toBe('The backup server does not serve this API version.');
  });
});

describe('a served version whose server', () => {
  it('takes the login and refuses everything else has its settings pointed at', async () => {
    upstream.on('GET /v8/Organizations', (response, { headers }) => {
      response.writeHead(headers.authorization ? 403 : 401).end();
    });
    client = clientOf(upstream, { apiVersion: 'v8' });
    const error = await failureOf(client.checkHealth());
    expect(error.message).toMatch(/^The backup server takes the login and then .* "Operator authentication only"/);
    expect(error.cause).toMatchObject({ status: 403 });
  });

  it('refuses the login is told as that, without another question', async () => {
    serve('v8');
    upstream.on('POST /v8/token', status(400));
    client = clientOf(upstream, { apiVersion: 'v8' });
    expect((await failureOf(client.checkHealth())).code).toBe('upstream-login-failed');
    expect(anonymous()).toEqual([]);
  });

  it('is only busy is told as that, without another question', async () => {
    upstream.on('GET /v8/Organizations', status(503));
    client = clientOf(upstream, { apiVersion: 'v8' });
    expect((await failureOf(client.checkHealth())).code).toBe('upstream-unavailable');
    expect(anonymous()).toEqual([]);
  });

  it('lists more than one asks for is healthy all the same', async () => {
    upstream.on('GET /v8/Organizations', ok({ results: [1, 2] }));
    client = clientOf(upstream, { apiVersion: 'v8' });
    expect(await client.checkHealth()).toEqual({ apiVersion: 'v8', newerVersions: [] });
  });
});
