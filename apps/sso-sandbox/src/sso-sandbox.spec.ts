import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { people, startSsoSandbox, type SsoSandbox } from './index.js';

const REDIRECT_URI = 'http://127.0.0.1:53682/callback';
const audience = 'urn:restore-gateway';

let sandbox: SsoSandbox;
const errors: Error[] = [];

beforeAll(async () => {
  sandbox = await startSsoSandbox({ onError: (error) => errors.push(error) });
});
afterAll(async () => {
  await sandbox.close();
  expect(errors).toEqual([]);
});

/** What a browser does for a native client: follow redirects with cookies until one leads back to the client. */
async function signIn(
  login: string,
  { verifier = randomBytes(32).toString('base64url'), scope = 'openid restore' } = {},
) {
  const cookies = new Map<string, string>();
  const visit = async (url: string, body?: URLSearchParams) => {
    const response = await fetch(new URL(url, sandbox.issuer), {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body && { method: 'POST', body }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = cookie.split(';')[0]?.split(/=(.*)/s) ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  const query = new URLSearchParams({
    client_id: 'restore-desk',
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope,
    state: 'state-1',
    nonce: 'nonce-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const toLogin = await visit(`/auth?${query.toString()}`);
  const loginUrl = toLogin.headers.get('location') ?? '';
  const page = await (await visit(loginUrl)).text();
  const submitted = await visit(loginUrl, new URLSearchParams({ login }));
  if (submitted.status !== 303) return { page, submitted };
  const back = await visit(submitted.headers.get('location') ?? '');
  return { page, submitted, verifier, callback: new URL(back.headers.get('location') ?? '') };
}

async function tokenRequest(fields: Record<string, string>, basic?: string) {
  const response = await fetch(`${sandbox.issuer}/token`, {
    method: 'POST',
    headers: basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
    body: new URLSearchParams(fields),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

async function exchange(login: string, scope = 'openid restore') {
  const { callback, verifier = '' } = await signIn(login, { scope });
  const code = callback?.searchParams.get('code') ?? '';
  return tokenRequest({
    grant_type: 'authorization_code',
    client_id: 'restore-desk',
    redirect_uri: REDIRECT_URI,
    code,
    code_verifier: verifier,
  });
}

const verified = (token: string) =>
  jwtVerify(token, createRemoteJWKSet(new URL(sandbox.jwksUri)), { issuer: sandbox.issuer, audience, typ: 'at+jwt' });

describe('the provider', () => {
  it('publishes where everything is, under its issuer', async () => {
    const response = await fetch(`${sandbox.issuer}/.well-known/openid-configuration`);
    expect(await response.json()).toMatchObject({
      issuer: sandbox.issuer,
      jwks_uri: sandbox.jwksUri,
      authorization_endpoint: `${sandbox.issuer}/auth`,
      token_endpoint: `${sandbox.issuer}/token`,
    });
  });

  it('publishes one RSA and one EC key and nothing private', async () => {
    const { keys } = (await (await fetch(sandbox.jwksUri)).json()) as { keys: Record<string, string>[] };
    expect(keys.map(({ kty, alg }) => ({ kty, alg }))).toEqual([
      { kty: 'RSA', alg: 'RS256' },
      { kty: 'EC', alg: 'ES256' },
    ]);
    expect(keys.flatMap((key) => Object.keys(key))).not.toContain('d');
  });
});

describe('signing in with authorization code and PKCE', () => {
  it('offers every person on the login page', async () => {
    const { page } = await signIn('alice@contoso.onmicrosoft.com');
    for (const { login } of people) expect(page).toContain(login);
  });

  it('ends in an at+jwt access token with the claims of the person', async () => {
    const { status, body } = await exchange('oscar@contoso.onmicrosoft.com');
    expect(status).toBe(200);
    const { payload, protectedHeader } = await verified(body.access_token ?? '');
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: sandbox.signingKey().kid });
    expect(payload).toEqual({
      iss: sandbox.issuer,
      aud: audience,
      sub: expect.stringMatching(/^[\w-]{43}$/),
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 3600,
      jti: expect.any(String),
      client_id: 'restore-desk',
      scope: 'restore',
      oid: '05ca4000-0000-4000-8000-000000000004',
      tid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'Oscar Olsen',
      preferred_username: 'oscar@contoso.onmicrosoft.com',
      email: 'oscar@contoso.onmicrosoft.com',
      email_verified: true,
      groups: ['contoso-restore-operators'],
      roles: [],
    });
  });

  it('brings back the state, and an ID token that is no access token', async () => {
    const { callback } = await signIn('alice@contoso.onmicrosoft.com');
    expect(callback?.searchParams.get('state')).toBe('state-1');
    const { body } = await exchange('alice@contoso.onmicrosoft.com');
    expect(decodeJwt(body.id_token ?? '')).toMatchObject({ aud: 'restore-desk', nonce: 'nonce-1' });
    await expect(verified(body.id_token ?? '')).rejects.toThrow();
  });

  it('takes a redirect to any port of the loopback address, and to nowhere else', async () => {
    const response = await fetch(
      `${sandbox.issuer}/auth?client_id=restore-desk&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fevil.example%2Fcallback`,
      { redirect: 'manual' },
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('redirect_uri');
  });

  it('refuses a code whose verifier does not match the challenge', async () => {
    const { callback } = await signIn('alice@contoso.onmicrosoft.com');
    const { status, body } = await tokenRequest({
      grant_type: 'authorization_code',
      client_id: 'restore-desk',
      redirect_uri: REDIRECT_URI,
      code: callback?.searchParams.get('code') ?? '',
      code_verifier: randomBytes(32).toString('base64url'),
    });
    expect(status).toBe(400);
    expect(body.error).toBe('invalid_grant');
  });

  it('refuses to start without a code challenge', async () => {
    const query = new URLSearchParams({
      client_id: 'restore-desk',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: REDIRECT_URI,
    });
    const response = await fetch(`${sandbox.issuer}/auth?${query.toString()}`, { redirect: 'manual' });
    expect(response.headers.get('location')).toContain('error=invalid_request');
  });

  it('knows nobody else', async () => {
    const { submitted } = await signIn('eve@contoso.onmicrosoft.com');
    expect(submitted.status).toBe(400);
  });

  it('answers a login page that was never asked for with a 4xx', async () => {
    const response = await fetch(`${sandbox.issuer}/sandbox/login/unknown`);
    expect(response.status).toBe(400);
  });
});

describe('refreshing', () => {
  it('gives a new access token for the same person, and each refresh token works once', async () => {
    const { body: first } = await exchange('alice@contoso.onmicrosoft.com');
    const refresh = {
      grant_type: 'refresh_token',
      client_id: 'restore-desk',
      refresh_token: first.refresh_token ?? '',
    };
    const { status, body: second } = await tokenRequest(refresh);
    expect(status).toBe(200);
    const [before, after] = [decodeJwt(first.access_token ?? ''), (await verified(second.access_token ?? '')).payload];
    expect(after).toMatchObject({ sub: before.sub, oid: before.oid, scope: 'restore' });
    expect(after.jti).not.toBe(before.jti);
    expect((await tokenRequest(refresh)).body.error).toBe('invalid_grant');
  });
});

describe('client credentials', () => {
  it('give a service a token in its own name, with its role and without a person', async () => {
    const { status, body } = await tokenRequest(
      { grant_type: 'client_credentials', scope: 'restore' },
      'helpdesk-app:helpdesk-app-secret',
    );
    expect(status).toBe(200);
    const { payload } = await verified(body.access_token ?? '');
    expect(payload).toEqual({
      iss: sandbox.issuer,
      aud: audience,
      sub: 'helpdesk-app',
      client_id: 'helpdesk-app',
      scope: 'restore',
      roles: ['contoso-restore-operator'],
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 3600,
      jti: expect.any(String),
    });
  });

  it('are refused with a wrong secret', async () => {
    const { status } = await tokenRequest({ grant_type: 'client_credentials' }, 'helpdesk-app:guess');
    expect(status).toBe(401);
  });

  it('are refused to the public client of people', async () => {
    const { status, body } = await tokenRequest({ grant_type: 'client_credentials', client_id: 'restore-desk' });
    expect(status).toBe(400);
    expect(body.error_description).toBe('requested grant type is not allowed for this client');
  });
});

describe('tokens without signing in', () => {
  const names = people.map(({ name }) => name);

  it.each(names)('say of %s what a sign-in says', async (name) => {
    const login = people.find((person) => person.name === name)?.login ?? '';
    const signedIn = decodeJwt((await exchange(login)).body.access_token ?? '');
    const { payload } = await verified(await sandbox.token(name));
    const ofItsOwn = { jti: expect.any(String), iat: expect.any(Number), exp: (payload.iat ?? 0) + 3600 };
    expect(payload).toEqual({ ...signedIn, ...ofItsOwn });
  });

  it('say of the service what client credentials say', async () => {
    const { payload } = await verified(await sandbox.token('helpdesk-app'));
    expect(payload).toMatchObject({ sub: 'helpdesk-app', scope: 'restore', roles: ['contoso-restore-operator'] });
    expect(payload).not.toHaveProperty('oid');
  });

  it('are given over loopback for npm run token', async () => {
    const response = await fetch(`${sandbox.issuer}/sandbox/token`, { method: 'POST', body: '{"name":"alice"}' });
    const { access_token } = (await response.json()) as { access_token: string };
    expect((await verified(access_token)).payload.preferred_username).toBe('alice@contoso.onmicrosoft.com');
  });

  it('name the people there are when asked for another', async () => {
    const response = await fetch(`${sandbox.issuer}/sandbox/token`, { method: 'POST', body: '{"name":"eve"}' });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ names: expect.arrayContaining(['alice', 'helpdesk-app']) });
    await expect(sandbox.token('eve')).rejects.toThrow('nobody called eve');
  });

  it('are not given to a web page', async () => {
    const response = await fetch(`${sandbox.issuer}/sandbox/token`, {
      method: 'POST',
      body: '{"name":"alice"}',
      headers: { origin: 'https://evil.example' },
    });
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('access_token');
  });

  it('take other claims, and lose those overridden with undefined', async () => {
    const token = await sandbox.token('alice', { exp: undefined, aud: 'urn:another' });
    expect(decodeJwt(token)).toMatchObject({ aud: 'urn:another', name: 'Alice Archer' });
    expect(decodeJwt(token)).not.toHaveProperty('exp');
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt', kid: sandbox.signingKey().kid });
  });
});

describe('signing anything', () => {
  it.each(['RS256', 'RS512', 'PS256', 'ES256'])('makes a sound %s signature', async (alg) => {
    const token = await sandbox.sign({ iss: sandbox.issuer, aud: audience }, { header: { alg } });
    const key = sandbox.signingKey(alg === 'ES256' ? 'ES256' : 'RS256');
    await expect(jwtVerify(token, key.publicKey)).resolves.toBeDefined();
  });

  it('signs HS256 with the public key as the secret', async () => {
    const secret = sandbox.signingKey().publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const token = await sandbox.sign({ sub: 'x' }, { header: { alg: 'HS256' }, key: secret });
    await expect(jwtVerify(token, Buffer.from(secret))).resolves.toBeDefined();
  });

  it('leaves alg none unsigned', async () => {
    expect(await sandbox.sign({ sub: 'x' }, { header: { alg: 'none' } })).toMatch(/^[\w-]+\.[\w-]+\.$/);
  });
});

describe('rotating the keys', () => {
  it('signs with a new key at once and keeps the old one published', async () => {
    const before = await sandbox.token('alice');
    const response = await fetch(`${sandbox.issuer}/sandbox/rotate-keys`, { method: 'POST' });
    expect(await response.json()).toEqual({ kid: sandbox.signingKey().kid });
    const { body } = await exchange('alice@contoso.onmicrosoft.com');
    expect(decodeProtectedHeader(body.access_token ?? '').kid).toBe(sandbox.signingKey().kid);
    expect(decodeProtectedHeader(before).kid).not.toBe(sandbox.signingKey().kid);
    await expect(verified(body.access_token ?? '')).resolves.toBeDefined();
    await expect(verified(before)).resolves.toBeDefined();
  });

  it('forgets the old keys when told to', async () => {
    const before = await sandbox.token('alice');
    await sandbox.rotateKeys({ dropOld: true });
    await expect(verified(before)).rejects.toThrow('no applicable key');
    await expect(verified(await sandbox.token('alice'))).resolves.toBeDefined();
  });

  it('leaves refresh tokens usable', async () => {
    const { body } = await exchange('bob@contoso.onmicrosoft.com');
    await sandbox.rotateKeys();
    const refresh = { grant_type: 'refresh_token', client_id: 'restore-desk', refresh_token: body.refresh_token ?? '' };
    expect((await tokenRequest(refresh)).status).toBe(200);
  });
});

describe('a data folder', () => {
  it('keeps the keys across restarts, readable by the owner only', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sso-sandbox-'));
    const first = await startSsoSandbox({ dataDir });
    const token = await first.token('alice');
    await first.close();
    const second = await startSsoSandbox({ dataDir, port: Number(new URL(first.issuer).port) });
    try {
      await expect(
        jwtVerify(token, createRemoteJWKSet(new URL(second.jwksUri)), { issuer: second.issuer }),
      ).resolves.toBeDefined();
      const file = join(dataDir, 'signing-keys.json');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readFile(file, 'utf8')).toContain(second.signingKey().kid);
    } finally {
      await second.close();
      await rm(dataDir, { recursive: true });
    }
  });
});

it('fails to start on a taken port', async () => {
  await expect(startSsoSandbox({ port: Number(new URL(sandbox.issuer).port) })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

it('publishes the very key it signs with', () => {
  const { publicJwk, privateKey, publicKey } = sandbox.signingKey('ES256');
  expect(createPublicKey(privateKey).export({ format: 'jwk' })).toEqual(publicJwk);
  expect(verify(null, Buffer.from('x'), publicKey, Buffer.alloc(64))).toBe(false);
});
