import { SandboxClient } from '../../spec-support/sandbox-client.js';
import { stackTraceMarker } from './refusal.js';

describe('v8 login', () => {
  let client: SandboxClient;
  beforeAll(async () => {
    client = await SandboxClient.start();
    await client.logIn('v8');
  });
  afterAll(() => client.close());
  afterEach(() => {
    client.sandbox.control.reset();
  });

  const credentials = () => {
    const { username, password } = client.sandbox;
    return { grant_type: 'password', username, password };
  };
  const logIn = (fields: Record<string, string> = { disable_antiforgery_token: 'true' }) =>
    client.form('/v8/token', { ...credentials(), ...fields });
  const refresh = (token: string, headers: Record<string, string> = {}, fields: Record<string, string> = {}) => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, ...fields }).toString();
    return client.send('POST', '/v8/token', body, { 'content-type': 'application/x-www-form-urlencoded', ...headers });
  };
  const organizations = (token: string, headers: Record<string, string> = {}, version = 'v8') =>
    client.send('GET', `/${version}/Organizations`, undefined, { authorization: `Bearer ${token}`, ...headers });
  const pairOf = (reply: Awaited<ReturnType<typeof logIn>>): Record<string, string> => {
    const [cookie = ''] = String(reply.headers['set-cookie']).split(';');
    return { cookie, 'x-sandbox-antiforgery': String(reply.headers['x-sandbox-antiforgery']) };
  };

  it('gives a plain bearer when antiforgery is disabled, as a form or as JSON', async () => {
    const form = await logIn();
    const json = await client.post('/v8/Token', { ...credentials(), disable_antiforgery_token: true });
    for (const reply of [form, json]) {
      expect(reply.status).toBe(200);
      expect(reply.headers).not.toHaveProperty('set-cookie');
      expect(reply.json).toEqual({
        access_token: expect.any(String),
        refresh_token: expect.any(String),
        token_type: 'bearer',
        expires_in: 3600,
        userName: client.sandbox.username,
        '.issued': expect.stringMatching(/^\d{4}-.*\+00:00$/),
        '.expires': expect.stringMatching(/^\d{4}-.*\+00:00$/),
      });
      expect((await organizations(reply.json.access_token)).status).toBe(200);
    }
  });

  it('refuses calls without the cookie and header pair when it is not', async () => {
    const reply = await logIn({});
    const pair = pairOf(reply);
    const token = reply.json.access_token as string;
    const { cookie = '', 'x-sandbox-antiforgery': header = '' } = pair;
    for (const partial of [{}, { cookie }, { 'x-sandbox-antiforgery': header }, { ...pair, cookie: `${cookie}x` }]) {
      const refused = await organizations(token, partial);
      expect([refused.status, refused.text]).toEqual([401, '']);
    }
    expect((await organizations(token, pair)).status).toBe(200);
  });

  it('wants the pair with the refresh too, and the flag again', async () => {
    const first = await logIn({});
    const token = first.json.refresh_token as string;
    expect((await refresh(token)).status).toBe(401);
    const second = await refresh(token, pairOf(first), { disable_antiforgery_token: 'True' });
    expect(second.status).toBe(200);
    expect((await organizations(second.json.access_token)).status).toBe(200);
    const third = await refresh(second.json.refresh_token);
    expect((await organizations(third.json.access_token)).status).toBe(401);
    expect((await organizations(third.json.access_token, pairOf(third))).status).toBe(200);
  });

  it('lets a refresh token work once', async () => {
    const { refresh_token: token } = (await logIn()).json;
    expect((await refresh(token)).status).toBe(200);
    expect((await refresh(token)).status).toBe(400);
  });

  it.each([
    ['a wrong password', { password: 'wrong' }],
    ['the grant that v8 no longer has', { grant_type: 'integration' }],
    ['no grant', { grant_type: '' }],
  ])('refuses %s with a message, a code and a stack trace', async (_, fields) => {
    const reply = await logIn(fields);
    expect(reply.status).toBe(400);
    expect(reply.json).toEqual({
      message: expect.any(String),
      errorCode: 'ParameterValidationFailure',
      stackTrace: expect.stringContaining(stackTraceMarker),
    });
  });

  it('takes no text for a boolean in JSON', async () => {
    const reply = await client.post('/v8/token', { ...credentials(), disable_antiforgery_token: 'true' });
    expect(reply.status).toBe(400);
  });

  it('ends both tokens on logout', async () => {
    const pair = (await logIn()).json;
    const headers = { authorization: `Bearer ${pair.access_token}` };
    const reply = await client.send('POST', '/v8/token/logout', undefined, headers);
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect((await organizations(pair.access_token)).status).toBe(401);
    expect((await refresh(pair.refresh_token)).status).toBe(400);
  });

  it('knows no token of another version', async () => {
    const v5 = (await client.form('/v5/token', credentials())).json;
    const v8 = (await logIn()).json;
    expect((await organizations(v5.access_token)).status).toBe(401);
    expect((await organizations(v8.access_token, {}, 'v5')).status).toBe(401);
    expect((await refresh(v5.refresh_token)).status).toBe(400);
  });

  it('lets tokens run out, and everybody be refused', async () => {
    const pair = (await logIn()).json;
    client.sandbox.control.expireAccessTokens();
    expect((await organizations(pair.access_token)).status).toBe(401);
    client.sandbox.control.refuseLogin();
    expect([(await logIn()).status, (await refresh(pair.refresh_token)).status]).toEqual([400, 400]);
  });

  it.each(['v5', 'v8'])('answers nothing but logins to others than operators when told: %s', async (version) => {
    const { access_token: token } = (await client.form(`/${version}/token`, { ...credentials(), ...flag })).json;
    client.sandbox.control.setOperatorAuthenticationOnly();
    expect((await organizations(token, {}, version)).status).toBe(403);
    expect((await client.form(`/${version}/token`, { ...credentials(), ...flag })).status).toBe(200);
    client.sandbox.control.setOperatorAuthenticationOnly(false);
    expect((await organizations(token, {}, version)).status).toBe(200);
  });
  const flag = { disable_antiforgery_token: 'true' };
});

describe('the versions', () => {
  it.each([
    [['v5'] as const, [401, 404]],
    [['v8'] as const, [404, 401]],
    [['v5', 'v8'] as const, [401, 401]],
  ])('are served as told: %s', async (versions, statuses) => {
    const client = await SandboxClient.start({ versions });
    const answered = [await client.get('/v5/Organizations'), await client.get('/v8/Organizations')];
    await client.close();
    expect(answered.map(({ status }) => status)).toEqual(statuses);
  });
});
