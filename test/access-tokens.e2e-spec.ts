import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock } from '@app/clock';

import { type SsoSandbox, startSsoSandbox } from '../apps/sso-sandbox/src/index.js';
import { type Answer, Caller, exchangeBytes, expectProblem, parseAnswer } from './support/caller.js';
import {
  type Gateway,
  type GatewayOptions,
  type Neighbours,
  startGateway,
  startNeighbours,
  startWorld,
  type World,
} from './support/world.js';

const publicUrl = 'https://restore.contoso.example';
const metadata = `Bearer resource_metadata="${publicUrl}/.well-known/oauth-protected-resource"`;
const route = '/api/v1/restore-sessions';
const brokenJson = '{"organizationId":';
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
const hour = 3_600;

type Claims = Readonly<Record<string, unknown>>;

function claimsIn(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;
}

/** The same token with another signature, or none. */
function resigned(token: string, signer: (input: Buffer) => Buffer): string {
  const input = token.slice(0, token.lastIndexOf('.'));
  return `${input}.${signer(Buffer.from(input)).toString('base64url')}`;
}

function expectChallenge({ headers }: Answer): void {
  expect(headers.get('www-authenticate')).toMatch(
    new RegExp(`^${metadata}, error="invalid_token", error_description="[ !#-\\[\\]-~]+"$`),
  );
}

describe('the access token of a request', () => {
  let world: World;
  let good: string;
  let claims: Claims;
  const now = Math.floor(Date.now() / 1_000);

  beforeAll(async () => {
    world = await startWorld({ environment: { PUBLIC_URL: publicUrl } });
    good = await world.sso.token('alice');
    claims = claimsIn(good);
  });
  afterAll(() => world.close());
  beforeEach(() => {
    world.veeam.control.clearReceived();
  });
  afterEach(() => {
    expect(world.veeam.control.received()).toEqual([]);
  });

  function post(authorization: string | undefined, body = brokenJson, headers: Record<string, string> = {}) {
    return new Caller(world.gateway.url, undefined).call('POST', route, body, {
      'content-type': 'application/json',
      ...(authorization !== undefined && { authorization }),
      ...headers,
    });
  }

  const forged = (header: Claims = {}, changes: Claims = {}) =>
    world.sso.sign({ ...claims, ...changes }, { header, key: foreign.privateKey });

  it('is asked for, without a word of what would be wrong with one', async () => {
    const answer = await post(undefined);
    expectProblem(answer, 'token-missing');
    expect(answer.headers.get('www-authenticate')).toBe(metadata);
  });

  it('is not taken from the query', async () => {
    const answer = await new Caller(world.gateway.url, undefined).get(`${route}?access_token=${good}`);
    expectProblem(answer, 'token-missing');
  });

  it.each<[string, (token: string) => string]>([
    ['with the scheme in lower case', (token) => `bearer ${token}`],
    ['with two spaces', (token) => `Bearer  ${token}`],
    ['with a tab', (token) => `Bearer\t${token}`],
    ['with something behind it', (token) => `Bearer ${token} x`],
    ['twice in one header', (token) => `Bearer ${token}, Bearer ${token}`],
    ['in another scheme', (token) => `Basic ${token}`],
    ['without a scheme', (token) => token],
    ['without a token', () => 'Bearer'],
    ['that is garbage', () => 'Bearer garbage'],
    ['that is no JWT', () => 'Bearer a.b.c'],
    ['with an empty signature', (token) => `Bearer ${token.slice(0, token.lastIndexOf('.') + 1)}`],
    ['with a part too many', (token) => `Bearer ${token}.x`],
    ['with the claims of another', (token) => `Bearer ${token.replace(/\.[^.]+\./, `.${encoded({ sub: 'bob' })}.`)}`],
  ])('is refused %s', async (_case, authorization) => {
    const answer = await post(authorization(good));
    expectProblem(answer, 'token-invalid');
    expectChallenge(answer);
  });

  it.each<[string, Claims]>([
    ['that has expired', { iat: now - 2 * hour, exp: now - hour }],
    ['without exp', { exp: undefined }],
    ['whose exp is no number', { exp: 'tomorrow' }],
    ['without iat', { iat: undefined }],
    ['issued in the future', { iat: now + hour, exp: now + 2 * hour }],
    ['that is not valid yet', { nbf: now + hour }],
    ['issued too long ago', { iat: now - 72 * hour, exp: now + hour }],
    ['of another issuer', { iss: 'https://login.evil.example' }],
    ['of an issuer that differs by a slash', { iss: 'slash' }],
    ['without an issuer', { iss: undefined }],
    ['for another audience', { aud: 'urn:another-service' }],
    ['without an audience', { aud: undefined }],
    ['without a subject', { sub: undefined }],
    ['with a nonce, as ID tokens have', { nonce: 'n-0S6_WzA2Mj' }],
    ['with at_hash, as ID tokens have', { at_hash: '77QmUPtjPfzWtF2AnpK9RQ' }],
  ])('is refused %s', async (_case, changes) => {
    const iss = changes.iss === 'slash' ? { iss: `${world.sso.issuer}/` } : {};
    const answer = await post(`Bearer ${await world.sso.token('alice', { ...changes, ...iss })}`);
    expectProblem(answer, 'token-invalid');
    expectChallenge(answer);
  });

  it('is refused without its groups, with a text that says what to do', async () => {
    const claims = { groups: undefined, _claim_names: { groups: 'src1' }, _claim_sources: { src1: {} } };
    const answer = await post(`Bearer ${await world.sso.token('oscar', claims)}`);
    expectProblem(answer, 'token-invalid');
    expectChallenge(answer);
    expect(answer.body.detail).toMatch(/too many.*application roles or fewer groups/);
  });

  it.each<[string, Claims]>([
    ['that is an ID token', { typ: 'JWT' }],
    ['without a type', { typ: undefined }],
    ['with an extension that must be understood', { crit: ['urn:example:unknown'], 'urn:example:unknown': true }],
    ['with a key nobody has', { kid: 'nobody-has-this-key' }],
    ['whose key id is no text', { kid: 7 }],
    ['without a signature', { alg: 'none' }],
    ['without a signature, in capitals', { alg: 'NONE' }],
    ['without an algorithm', { alg: undefined }],
  ])('is refused %s', async (_case, header) => {
    const answer = await post(`Bearer ${await world.sso.sign(claims, { header })}`);
    expectProblem(answer, 'token-invalid');
    expectChallenge(answer);
  });

  it.each<[string, (key: KeyObject) => string | Buffer]>([
    ['PEM', (key) => key.export({ type: 'spki', format: 'pem' })],
    ['DER', (key) => key.export({ type: 'spki', format: 'der' })],
    ['JWK', (key) => JSON.stringify(key.export({ format: 'jwk' }))],
  ])('is refused when the public key, as %s, served as the secret of an HMAC', async (_format, secretOf) => {
    const secret = secretOf(world.sso.signingKey().publicKey);
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const answer = await post(`Bearer ${await world.sso.sign(claims, { header: { alg }, key: secret })}`);
      expectProblem(answer, 'token-invalid');
      expectChallenge(answer);
    }
  });

  it('is refused when EdDSA signed it', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const unsigned = await world.sso.sign(claims, { header: { alg: 'EdDSA' } });
    const answer = await post(`Bearer ${resigned(unsigned, (input) => sign(null, input, privateKey))}`);
    expectProblem(answer, 'token-invalid');
    expectChallenge(answer);
  });

  it('is refused when a stranger signed it under the name of the key of the issuer', async () => {
    const answer = await post(`Bearer ${await forged()}`);
    expectProblem(answer, 'token-invalid');
    expectChallenge(answer);
  });

  it('is refused with the key of a stranger in its header, and nobody asks the address it names', async () => {
    const asked: (string | undefined)[] = [];
    const jwk = { ...foreign.publicKey.export({ format: 'jwk' }), kid: 'foreign', alg: 'RS256', use: 'sig' };
    const stranger = createServer((request, response) => {
      asked.push(request.url);
      response.end(JSON.stringify({ keys: [jwk] }));
    }).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const address = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const x5c = [foreign.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')];
    try {
      for (const kid of [world.sso.signingKey().kid, 'foreign', undefined]) {
        for (const header of [{ jku: `${address}/jwks` }, { jwk }, { x5c }, { x5u: `${address}/certificate` }]) {
          const answer = await post(`Bearer ${await forged({ ...header, kid })}`);
          expectProblem(answer, 'token-invalid');
          expectChallenge(answer);
        }
      }
      expectProblem(await post(`Bearer ${await forged({}, { iss: address })}`), 'token-invalid');
      expect(asked).toEqual([]);
    } finally {
      stranger.close();
    }
  });

  it('is refused when it comes in two headers, though both are good', async () => {
    const text = await exchangeBytes(
      world.gateway,
      [
        `POST ${route} HTTP/1.1`,
        'Host: gateway',
        `Authorization: Bearer ${good}`,
        `Authorization: Bearer ${good}`,
        'Content-Type: application/json',
        `Content-Length: ${brokenJson.length}`,
        'Connection: close',
        '',
        brokenJson,
      ].join('\r\n'),
    );
    const answer = parseAnswer(text);
    expectProblem(answer, 'token-invalid');
    expectChallenge(answer);
  });

  it.each<[string, string, Record<string, string>]>([
    ['is too large', JSON.stringify({ reason: 'x'.repeat(70_000) }), {}],
    ['is text', 'hello', { 'content-type': 'text/plain' }],
    ['is a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['says to be compressed', 'hello', { 'content-encoding': 'gzip' }],
    ['holds credentials', JSON.stringify({ userName: 'u', userPassword: 'p' }), {}],
  ])('comes before the body, even if that %s', async (_case, body, headers) => {
    expectProblem(await post(undefined, body, headers), 'token-missing');
    expectProblem(await post('Bearer garbage', body, headers), 'token-invalid');
  });

  it.each([
    ['GET', '/api/v1/organizations'],
    ['GET', '/api/v1/restore-sessions/not-a-uuid'],
    ['DELETE', '/api/v1/operations/not-a-uuid'],
    ['POST', '/v5/restoresessions/x/organization/onedrives/y/action'],
    ['GET', '/v5/Organizations'],
    ['GET', '/'],
    ['GET', '/no-such-route'],
    ['PUT', '/api/v1/organizations'],
    ['OPTIONS', '/api/v1/organizations'],
    ['GET', '/api/v1/health/live'],
    ['GET', '/metrics'],
    ['GET', '/health'],
  ])('is asked for at %s %s', async (method, path) => {
    const nobody = new Caller(world.gateway.url, undefined);
    expectProblem(await nobody.call(method, path), 'token-missing');
    const impostor = new Caller(world.gateway.url, await forged());
    expectProblem(await impostor.call(method, path), 'token-invalid');
  });

  it('lets its bearer reach the body when it is good', async () => {
    expectProblem(await post(`Bearer ${good}`), 'validation-failed');
    expectProblem(
      await post(`Bearer ${await world.sso.sign(claims, { header: { alg: 'ES256' } })}`),
      'validation-failed',
    );
  });

  it('is not asked for where anybody may look', async () => {
    for (const authorization of [undefined, 'Bearer garbage']) {
      const nobody = new Caller(world.gateway.url, undefined);
      const headers = authorization === undefined ? {} : { authorization };
      expect(await nobody.get('/health/live', headers)).toMatchObject({ status: 200, body: { status: 'live' } });
      const described = await nobody.get('/.well-known/oauth-protected-resource', headers);
      expect(described).toMatchObject({
        status: 200,
        body: { resource: publicUrl, authorization_servers: [world.sso.issuer], bearer_methods_supported: ['header'] },
      });
      expect(described.headers.get('cache-control')).toBe('no-store');
    }
  });

  it('is not asked for at the documentation, while that is enabled', async () => {
    const nobody = new Caller(world.gateway.url, undefined);
    expect(await nobody.get('/openapi.json')).toMatchObject({ status: 200, body: { openapi: '3.1.0' } });
    expect(await nobody.get('/docs')).toMatchObject({
      status: 200,
      body: expect.stringContaining('swagger') as string,
    });
  });

  it('is asked for where the documentation would be, once that is disabled', async () => {
    const gateway = await startGateway(world, { environment: { DOCS_ENABLED: 'false' } });
    try {
      const nobody = new Caller(gateway.url, undefined);
      const alice = await Caller.named('alice', { ...world, gateway });
      for (const path of ['/docs', '/docs/', '/docs/swagger-ui.css', '/openapi.json']) {
        expectProblem(await nobody.get(path), 'token-missing');
        expectProblem(await alice.get(path), 'not-found');
      }
    } finally {
      await gateway.close();
    }
  });
});

describe('the keys of the issuer', () => {
  let neighbours: Neighbours;
  let dataDir: string;
  let issuer: SsoSandbox;
  let gateway: Gateway;
  let clock: ManualClock;
  const open: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    neighbours = await startNeighbours();
  });
  afterAll(() => neighbours.close());

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'issuer-'));
    clock = new ManualClock(Date.now());
    issuer = await startSsoSandbox({ dataDir });
    neighbours.veeam.control.clearReceived();
  });
  afterEach(async () => {
    await gateway.close();
    for (const close of open.splice(0)) await close();
    await rm(dataDir, { recursive: true });
  });

  /** A gateway that trusts the issuer of the test in the place of the neighbours' own. */
  async function startTrusting(): Promise<Gateway> {
    const adjust: GatewayOptions['adjust'] = (configuration) => ({
      ...configuration,
      issuers: configuration.issuers.map((trusted) => ({ ...trusted, issuer: issuer.issuer })),
    });
    gateway = await startGateway(neighbours, { clock, adjust });
    return gateway;
  }

  const organizations = (token: string) => new Caller(gateway.url, token).get('/api/v1/organizations');

  it('are waited for by nobody: while there are none callers are told so, and once there are they are served', async () => {
    const token = await issuer.token('alice');
    await issuer.close();
    await startTrusting();

    const refused = await new Caller(gateway.url, token).call('POST', route, brokenJson);
    expectProblem(refused, 'issuer-unavailable');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    expectProblem(await organizations('garbage'), 'token-invalid');
    expectProblem(await organizations(await neighbours.sso.token('alice')), 'token-invalid');
    expect(neighbours.veeam.control.received()).toEqual([]);
    const health = await new Caller(gateway.url, undefined).get('/health/ready');
    expect(health).toMatchObject({ status: 503, body: { checks: { issuerKeys: { code: 'issuer-unavailable' } } } });

    const again = await startSsoSandbox({ dataDir, port: Number(new URL(issuer.issuer).port) });
    open.push(() => again.close());
    // The first try again falls due; its own time-out must not.
    await clock.advance(5_000);
    expect(await organizations(token)).toMatchObject({
      status: 200,
      body: { items: [{ name: expect.any(String) as string }] },
    });
  });

  it('go on being used while the issuer is down, for the tokens they can verify', async () => {
    await startTrusting();
    const token = await issuer.token('alice');
    expect(await organizations(token)).toMatchObject({ status: 200 });
    const unknown = await issuer.sign(claimsIn(token), { header: { kid: 'new-key' }, key: foreign.privateKey });
    await issuer.close();
    await clock.advance(15 * 60_000);

    expect(await organizations(token)).toMatchObject({ status: 200 });
    expectProblem(await organizations(unknown), 'issuer-unavailable');
    expectProblem(await organizations('garbage'), 'token-invalid');
  });

  it('are asked for again when a token names one that is not known yet', async () => {
    open.push(() => issuer.close());
    await startTrusting();
    const before = await issuer.token('alice');
    expect(await organizations(before)).toMatchObject({ status: 200 });
    await issuer.rotateKeys();
    await clock.advance(60_000);

    expect(await organizations(await issuer.token('alice'))).toMatchObject({ status: 200 });
    expect(await organizations(before)).toMatchObject({ status: 200 });
  });

  it('are forgotten when the issuer has dropped them', async () => {
    open.push(() => issuer.close());
    await startTrusting();
    const before = await issuer.token('alice');
    expect(await organizations(before)).toMatchObject({ status: 200 });
    await issuer.rotateKeys({ dropOld: true });
    await clock.advance(60_000);

    expect(await organizations(await issuer.token('alice'))).toMatchObject({ status: 200 });
    expectProblem(await organizations(before), 'token-invalid');
  });
});

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
