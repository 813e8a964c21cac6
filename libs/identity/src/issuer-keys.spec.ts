import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '@app/clock';
import type { IssuerConfiguration } from '@app/config';
import { IssuerUnavailableError } from '@app/problems';
import { makeKey, TestIssuer, type SigningKey } from '../spec-support/test-issuer.js';
import { IssuerKeys } from './issuer-keys.js';
import type { SigningAlgorithm } from './token-header.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Knows which of its timers are still to come. */
class WatchedClock extends ManualClock {
  readonly pending = new Set<symbol>();

  override schedule(callback: () => void, delayMs: number) {
    const timer = Symbol();
    this.pending.add(timer);
    const cancel = super.schedule(() => {
      this.pending.delete(timer);
      callback();
    }, delayMs);
    return () => {
      this.pending.delete(timer);
      cancel();
    };
  }
}

let first: SigningKey;
let second: SigningKey;
let weak: SigningKey;
let clock: WatchedClock;
let issuer: TestIssuer;
let keys: IssuerKeys;
let failures: string[];
let failed: () => void;

beforeAll(async () => {
  [first, second, weak] = await Promise.all([makeKey('first'), makeKey('second'), makeWeakKey('weak')]);
});

beforeEach(async () => {
  clock = new WatchedClock();
  issuer = new TestIssuer(clock);
  issuer.keys = [first];
  await issuer.start();
  failures = [];
  failed = () => undefined;
});

afterEach(async () => {
  keys.stop();
  await issuer.stop();
});

function keysFor(changes: Partial<IssuerConfiguration> = {}): IssuerKeys {
  return new IssuerKeys(issuer.configuration(changes), clock, (_, reason) => {
    failures.push(reason);
    failed();
  });
}

const nextFailure = () => new Promise<void>((resolve) => (failed = resolve));
const find = (keyId: string | undefined, algorithm: SigningAlgorithm = 'RS256') => keys.find({ keyId, algorithm });
const findFirst = () => find('first');
const isPublicKey = { type: 'public' };
const unknownKey = { refusal: 'unknown-key' };

describe('the keys of an issuer', () => {
  it('are found by discovery', async () => {
    keys = keysFor();
    keys.start();
    await expect(findFirst()).resolves.toMatchObject(isPublicKey);
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/jwks']);
    expect(keys.state()).toEqual({
      issuer: issuer.url,
      keyCount: 1,
      lastRefreshedAt: clock.now(),
      isStale: false,
      lastError: undefined,
    });
  });

  it('are found where the configuration says', async () => {
    keys = keysFor({ jwksUri: `${issuer.url}/jwks` });
    await expect(findFirst()).resolves.toMatchObject(isPublicKey);
    expect(issuer.requests).toEqual(['/jwks']);
  });

  it('are asked for once by many who come at the same time', async () => {
    keys = keysFor();
    keys.start();
    await Promise.all(Array.from({ length: 50 }, findFirst));
    expect(issuer.keyRequests).toBe(1);
  });

  it('are refreshed every ten minutes: new keys come, withdrawn ones go', async () => {
    keys = keysFor();
    await findFirst();
    issuer.keys = [second];
    await clock.advance(10 * MINUTE);
    await expect(find('second')).resolves.toMatchObject(isPublicKey);
    await expect(findFirst()).rejects.toMatchObject(unknownKey);
    expect(issuer.keyRequests).toBe(2);
  });

  it('are refreshed at once when a token names a new one', async () => {
    keys = keysFor();
    await findFirst();
    issuer.keys = [first, second];
    await clock.advance(30_000);
    await expect(find('second')).resolves.toMatchObject(isPublicKey);
  });

  it('are not asked for more than once by a hundred unknown key ids, nor again within 30 seconds', async () => {
    keys = keysFor();
    await findFirst();
    await clock.advance(30_000);
    const strangers = () => Promise.allSettled(Array.from({ length: 100 }, (_, i) => find(`unknown-${i}`)));
    for (const outcome of await strangers()) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unknownKey });
    }
    expect(issuer.keyRequests).toBe(2);
    await clock.advance(29_999);
    await strangers();
    expect(issuer.keyRequests).toBe(2);
    await clock.advance(1);
    await strangers();
    expect(issuer.keyRequests).toBe(3);
  });
});

describe('an issuer that is down', () => {
  it('at the start is asked again until it is up', async () => {
    await issuer.stop();
    keys = keysFor();
    const down = nextFailure();
    keys.start();
    await expect(findFirst()).rejects.toBeInstanceOf(IssuerUnavailableError);
    await down;
    expect(keys.state()).toMatchObject({
      keyCount: 0,
      lastRefreshedAt: undefined,
      isStale: true,
      lastError: 'the issuer cannot be reached (ECONNREFUSED)',
    });
    await issuer.start();
    await clock.advance(5_000);
    await expect(findFirst()).resolves.toMatchObject(isPublicKey);
    expect(keys.state().lastError).toBeUndefined();
  });

  it('goes on working with the keys that are known, until they are a day old', async () => {
    keys = keysFor();
    await findFirst();
    await issuer.stop();
    await clock.advance(24 * HOUR);
    await expect(findFirst()).resolves.toMatchObject(isPublicKey);
    expect(keys.state()).toMatchObject({ keyCount: 1, isStale: false });
    await clock.advance(1);
    await expect(findFirst()).rejects.toBeInstanceOf(IssuerUnavailableError);
    expect(keys.state()).toMatchObject({ keyCount: 1, isStale: true });
    await issuer.start();
    for (let waited = 0; keys.state().isStale && waited < MINUTE; waited += 4_000) {
      await clock.advance(4_000);
      await findFirst().catch(() => undefined);
    }
    await expect(findFirst()).resolves.toMatchObject(isPublicKey);
  });

  it('might have a key that we do not know, so its token is not refused', async () => {
    keys = keysFor();
    await findFirst();
    await issuer.stop();
    await clock.advance(30_000);
    await expect(find('second')).rejects.toBeInstanceOf(IssuerUnavailableError);
    await expect(findFirst()).resolves.toMatchObject(isPublicKey);
  });

  it('is asked again after 5, 10, 20, 40 and then every 60 seconds', async () => {
    issuer.answer = () => ({ status: 503, body: '' });
    keys = keysFor();
    let down = nextFailure();
    keys.start();
    for (const seconds of [5, 10, 20, 40, 60, 60]) {
      await down;
      await clock.advance(seconds * 1000 - 1);
      const asked = issuer.requests.length;
      down = nextFailure();
      await clock.advance(1);
      await down;
      expect(issuer.requests).toHaveLength(asked + 1);
    }
  });
});

describe('an answer of the issuer', () => {
  const jwks = (body: string) => (path: string) => (path === '/jwks' ? { body } : undefined);
  const discovery = (body: object) => (path: string) => (path === '/jwks' ? undefined : { body: JSON.stringify(body) });

  it.each([
    ['is no JSON', jwks('<html>'), 'the answer is not JSON'],
    ['is empty', jwks(''), 'the answer is not JSON'],
    ['is no key set', jwks('[]'), 'the key set holds no usable key'],
    ['has no keys', jwks('{"keys":[]}'), 'the key set holds no usable key'],
    [
      'has only nonsense',
      jwks('{"keys":[null,7,{},{"kty":"RSA","n":"!","e":"AQAB"}]}'),
      'the key set holds no usable key',
    ],
    ['is too large', jwks(`{"keys":[],"x":"${'x'.repeat(1024 * 1024)}"}`), /cannot be reached|cannot be read/],
    ['is an error', () => ({ status: 500, body: 'secret text' }), 'the issuer answered with HTTP status 500'],
    ['is empty by its status', () => ({ status: 204, body: '' }), 'the issuer answered with HTTP status 204'],
    ['is of another issuer', discovery({ issuer: 'http://127.0.0.1', jwks_uri: 'x' }), /is not of this issuer/],
    ['is of no issuer', discovery([]), /is not of this issuer/],
  ])('that %s keeps the old keys', async (_, answer, reason) => {
    keys = keysFor();
    await findFirst();
    issuer.answer = answer;
    const failure = nextFailure();
    await clock.advance(10 * MINUTE);
    await failure;
    expect(failures).toEqual([expect.stringMatching(reason)]);
    expect(keys.state()).toMatchObject({ keyCount: 1, lastError: failures[0] });
    await expect(findFirst()).resolves.toMatchObject(isPublicKey);
  });

  it('that redirects is not followed', async () => {
    issuer.answer = (path) =>
      path === '/jwks' ? { status: 302, headers: { location: '/elsewhere' }, body: '' } : undefined;
    keys = keysFor();
    await expect(findFirst()).rejects.toBeInstanceOf(IssuerUnavailableError);
    expect(issuer.requests).not.toContain('/elsewhere');
    expect(failures).toEqual(['the issuer answered with HTTP status 302']);
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/jwks', 'jwks', '', undefined])(
    'that sends us to %j for the keys is not obeyed',
    async (uri) => {
      issuer.answer = (path) =>
        path === '/jwks' ? undefined : { body: JSON.stringify({ issuer: issuer.url, jwks_uri: uri }) };
      keys = keysFor();
      await expect(findFirst()).rejects.toBeInstanceOf(IssuerUnavailableError);
      expect(failures).toEqual([expect.stringMatching(/not at an https address|names no jwks_uri/)]);
    },
  );

  it('that is on plain http is not asked for when the issuer is on https', async () => {
    keys = keysFor({ issuer: 'https://issuer.example', jwksUri: `${issuer.url}/jwks` });
    await expect(findFirst()).rejects.toBeInstanceOf(IssuerUnavailableError);
    expect(failures).toEqual(['the keys are not at an https address']);
    expect(issuer.requests).toEqual([]);
  });

  it('that does not come within five seconds is given up', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const asked = once(silent, 'request');
    keys = keysFor({ jwksUri: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/jwks` });
    const refused = expect(findFirst()).rejects.toBeInstanceOf(IssuerUnavailableError);
    await asked;
    await clock.advance(5_000);
    await refused;
    expect(failures).toEqual(['the issuer did not answer in time']);
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('a key', () => {
  const ofSet = async (...set: object[]) => {
    issuer.answer = (path) => (path === '/jwks' ? { body: JSON.stringify({ keys: [first.jwk, ...set] }) } : undefined);
    keys = keysFor();
    await findFirst();
    return keys.state().keyCount - 1;
  };

  it.each([
    ['is for encryption', { use: 'enc' }],
    ['is of an unknown kind', { kty: 'oct', k: 'c2VjcmV0' }],
    ['is for an algorithm that is not for signing', { alg: 'RSA-OAEP-256' }],
    ['is for HMAC by its alg', { alg: 'HS256' }],
    ['has no modulus', { n: undefined }],
  ])('that %s is left out', async (_, changes) => {
    expect(await ofSet({ ...second.jwk, ...changes })).toBe(0);
  });

  it('of less than 2048 bits is left out', async () => {
    expect(await ofSet(weak.jwk)).toBe(0);
  });

  it('on a curve that JWS has no algorithm for is left out', async () => {
    expect(await ofSet({ ...(await makeKey('ed', 'EdDSA')).jwk })).toBe(0);
    const ec = (await makeKey('ec', 'ES256')).jwk;
    expect(await ofSet({ ...ec, alg: undefined, crv: 'secp256k1' }, { ...ec, alg: undefined, crv: 'toString' })).toBe(
      0,
    );
  });

  it('that is published with its private half is public here', async () => {
    const privateJwk = await crypto.subtle.exportKey('jwk', second.privateKey);
    expect(await ofSet({ ...privateJwk, key_ops: undefined, kid: 'second' })).toBe(1);
    await expect(find('second')).resolves.toMatchObject(isPublicKey);
  });

  it('that shares its id with another one is not guessed at', async () => {
    expect(await ofSet({ ...second.jwk, kid: 'twin' }, { ...first.jwk, kid: 'twin' })).toBe(2);
    await expect(find('twin')).rejects.toMatchObject(unknownKey);
  });

  it('that shares its id with one for another algorithm is told apart by it', async () => {
    expect(await ofSet({ ...(await makeKey('first', 'ES256')).jwk })).toBe(1);
    await expect(find('first', 'ES256')).resolves.toMatchObject({ asymmetricKeyType: 'ec' });
    await expect(find('first', 'RS256')).resolves.toMatchObject({ asymmetricKeyType: 'rsa' });
  });

  it('without an id serves tokens without one only', async () => {
    const ec = (await makeKey('x', 'ES256')).jwk;
    await ofSet({ ...ec, kid: undefined });
    await expect(find(undefined, 'ES256')).resolves.toMatchObject(isPublicKey);
    await expect(find('x', 'ES256')).rejects.toMatchObject(unknownKey);
  });
});

describe('after a stop', () => {
  it('no timer is left', async () => {
    keys = keysFor();
    await findFirst();
    expect(clock.pending.size).toBe(1);
    keys.stop();
    expect(clock.pending.size).toBe(0);
  });

  it('in the middle of a refresh nothing goes on', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const asked = once(silent, 'request');
    keys = keysFor({ jwksUri: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/jwks` });
    const refused = expect(findFirst()).rejects.toBeInstanceOf(IssuerUnavailableError);
    await asked;
    keys.stop();
    await refused;
    expect(clock.pending.size).toBe(0);
    expect(failures).toEqual([]);
    await new Promise((resolve) => silent.close(resolve));
  });
});

/** jose does not make short keys. */
async function makeWeakKey(kid: string): Promise<SigningKey> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1024 };
  const pair = await crypto.subtle.generateKey({ ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
    'sign',
    'verify',
  ]);
  const { kty, n, e } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  return { kid, alg: 'RS256', ...pair, jwk: { kty, n, e, kid, alg: 'RS256' } as SigningKey['jwk'] };
}
