import { SandboxClient } from '../../spec-support/sandbox-client.js';

describe('v5 login', () => {
  let client: SandboxClient;
  beforeAll(async () => {
    client = await SandboxClient.start();
  });
  afterAll(() => client.close());
  afterEach(() => {
    client.sandbox.control.reset();
  });

  const token = (fields: Record<string, string>) => client.form('/v5/Token', fields);
  const logIn = () => {
    const { username, password } = client.sandbox;
    return token({ grant_type: 'password', username, password });
  };
  const organizations = (accessToken: string) =>
    client.send('GET', '/v5/Organizations', undefined, { authorization: `Bearer ${accessToken}` });

  it('gives a pair of tokens for the right password', async () => {
    const reply = await logIn();
    expect(reply.status).toBe(200);
    expect(reply.json).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 3600,
      userName: client.sandbox.username,
      '.issued': expect.any(String),
      '.expires': expect.any(String),
    });
    expect((await organizations(reply.json.access_token)).status).toBe(200);
  });

  it('refuses a wrong password in the shape of OAuth', async () => {
    const reply = await token({ grant_type: 'password', username: client.sandbox.username, password: 'wrong' });
    expect(reply.status).toBe(400);
    expect(reply.json).toEqual({ error: 'invalid_grant', error_description: expect.any(String) });
  });

  it('takes forms only', async () => {
    const { username, password } = client.sandbox;
    const reply = await client.post('/v5/token', { grant_type: 'password', username, password });
    expect(reply.status).toBe(400);
  });

  it('rotates the refresh token: the old one works once', async () => {
    const first = (await logIn()).json;
    const refresh = () => token({ grant_type: 'refresh_token', refresh_token: first.refresh_token });
    const second = await refresh();
    expect(second.status).toBe(200);
    expect(second.json.refresh_token).not.toBe(first.refresh_token);
    expect((await refresh()).status).toBe(400);
  });

  it.each([
    ['no token', undefined],
    ['an unknown token', 'Bearer nonsense'],
    ['another scheme', 'Basic nonsense'],
  ])('answers 401 with an empty body to %s', async (_, authorization) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const reply = await client.send('GET', '/v5/Organizations', undefined, headers);
    expect(reply.status).toBe(401);
    expect(reply.text).toBe('');
  });

  it('forgets access tokens on demand and lets the refresh token stand', async () => {
    const pair = (await logIn()).json;
    client.sandbox.control.expireAccessTokens();
    expect((await organizations(pair.access_token)).status).toBe(401);
    expect((await token({ grant_type: 'refresh_token', refresh_token: pair.refresh_token })).status).toBe(200);
  });

  it('lets tokens run out', async () => {
    client.sandbox.control.setAccessTokenSeconds(0);
    const pair = (await logIn()).json;
    expect(pair.expires_in).toBe(0);
    expect((await organizations(pair.access_token)).status).toBe(401);
  });

  it('accepts two passwords side by side, and refuses the old one when told', async () => {
    const { control, username, password } = client.sandbox;
    const withPassword = async (text: string) =>
      (await token({ grant_type: 'password', username, password: text })).status;
    control.acceptPassword('the new one');
    expect([await withPassword(password), await withPassword('the new one')]).toEqual([200, 200]);
    control.refusePassword(password);
    expect([await withPassword(password), await withPassword('the new one')]).toEqual([400, 200]);
  });

  it('refuses everybody when told', async () => {
    client.sandbox.control.refuseLogin();
    expect((await logIn()).status).toBe(400);
  });

  it('is served beside others, and beside none that there is not', async () => {
    for (const version of ['v6', 'v7', 'v8']) expect((await client.get(`/${version}/Organizations`)).status).toBe(401);
    for (const version of ['v4', 'v9']) expect((await client.get(`/${version}/Organizations`)).status).toBe(404);
    expect((await client.get('/V5/organizations')).status).toBe(401);
  });
});
