import { ManualClock } from '@app/clock';
import type { IssuerConfiguration } from '@app/config';
import { IssuerUnavailableError, TokenInvalidError, TokenMissingError } from '@app/problems';
import { SignJWT } from 'jose';
import { makeKey, publicPem, sign, TestIssuer, type SigningKey } from '../spec-support/test-issuer.js';
import { AccessTokenAuthenticator, type AuthenticationRefusal } from './access-token-authenticator.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

let rsa: SigningKey;
let rsaAnyAlgorithm: SigningKey;
let ec: SigningKey;
let ed: SigningKey;
let strangers: SigningKey;
let clock: ManualClock;
let issuer: TestIssuer;
let refusals: AuthenticationRefusal[];
let running: AccessTokenAuthenticator[];

beforeAll(async () => {
  [rsa, rsaAnyAlgorithm, ec, ed, strangers] = await Promise.all([
    makeKey('rsa'),
    makeKey('any'),
    makeKey('ec', 'ES256'),
    makeKey('ed', 'EdDSA'),
    makeKey('rsa'),
  ]);
  delete rsaAnyAlgorithm.jwk.alg;
});

beforeEach(async () => {
  clock = new ManualClock();
  issuer = new TestIssuer(clock);
  issuer.keys = [rsa, rsaAnyAlgorithm, ec, ed];
  await issuer.start();
  refusals = [];
  running = [];
});

afterEach(async () => {
  for (const authenticator of running) authenticator.onApplicationShutdown();
  await issuer.stop();
});

function authenticatorFor(...issuers: IssuerConfiguration[]): AccessTokenAuthenticator {
  const authenticator = new AccessTokenAuthenticator({
    issuers,
    roleBindings: () => [],
    clock,
    onRefused: (refusal) => refusals.push(refusal),
  });
  authenticator.onModuleInit();
  running.push(authenticator);
  return authenticator;
}

const bearer = (token: string) => ['Authorization', `Bearer ${token}`];

async function authenticate(token: string, changes: Partial<IssuerConfiguration> = {}) {
  return (await authenticatorFor(issuer.configuration(changes)).authenticate(bearer(token))).principal;
}

async function expectRefusal(refusal: AuthenticationRefusal, token: string, changes?: Partial<IssuerConfiguration>) {
  await expect(authenticate(token, changes)).rejects.toMatchObject({ code: 'token-invalid', refusal });
  expect(refusals).toEqual([refusal]);
}

const seconds = () => clock.now() / 1000;

describe('a sound access token', () => {
  it('makes its subject the caller', async () => {
    await expect(authenticate(await issuer.token({ client_id: 'portal' }))).resolves.toMatchObject({
      issuer: issuer.url,
      subject: 'alice',
      clientId: 'portal',
      kind: 'person',
    });
    expect(refusals).toEqual([]);
  });

  it.each([['restore-gateway'], [['restore-gateway']], [['other', 'restore-gateway']]])(
    'has us among its audience %j',
    async (aud) => {
      await expect(authenticate(await issuer.token({ aud }))).resolves.toMatchObject({ subject: 'alice' });
    },
  );

  it('may be for any one of several audiences', async () => {
    const audiences = ['api://gateway', 'restore-gateway'];
    await expect(authenticate(await issuer.token(), { audiences })).resolves.toMatchObject({ subject: 'alice' });
  });

  it('may be signed with an elliptic curve', async () => {
    await expect(authenticate(await sign(ec, {}, issuer.claims()))).resolves.toMatchObject({ subject: 'alice' });
  });

  it.each(['RS256', 'PS256'])('may be signed with %s if the key leaves the algorithm open', async (alg) => {
    const token = await new SignJWT(issuer.claims())
      .setProtectedHeader({ alg, kid: 'any', typ: 'at+jwt' })
      .sign(alg === 'RS256' ? rsaAnyAlgorithm.privateKey : await pssKey(rsaAnyAlgorithm));
    await expect(authenticate(token)).resolves.toMatchObject({ subject: 'alice' });
  });

  it('needs no kid when only one key fits', async () => {
    const token = await sign(ec, { kid: undefined }, issuer.claims());
    await expect(authenticate(token)).resolves.toMatchObject({ subject: 'alice' });
  });

  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt'])('is typed %s', async (typ) => {
    await expect(authenticate(await issuer.token({}, { typ }))).resolves.toMatchObject({ subject: 'alice' });
  });

  it.each(['JWT', 'jwt', 'application/jwt', undefined])('is typed %s where the issuer types so', async (typ) => {
    const token = await issuer.token({}, { typ });
    await expect(authenticate(token, { tokenType: 'JWT' })).resolves.toMatchObject({ subject: 'alice' });
  });

  it('may be 29 seconds over, before its time, or ahead in either clock', async () => {
    const now = seconds();
    const authenticator = authenticatorFor(issuer.configuration());
    for (const claims of [{ iat: now - 99, exp: now - 29 }, { iat: now + 29 }, { nbf: now + 29 }]) {
      const token = await issuer.token(claims);
      await expect(authenticator.authenticate(bearer(token))).resolves.toMatchObject({
        principal: { subject: 'alice' },
      });
    }
  });

  it.each([
    ['its exp', { exp: 600 }, 600],
    ['its greatest age, if that comes first', { iat: -DAY + 60, exp: 600 }, 60],
    ['the end of the tolerance, where nothing else lets it in', { iat: -99, exp: -10 }, 20],
  ])('lets what it began last until %s', async (_, times, end) => {
    const claims = Object.fromEntries(Object.entries(times).map(([name, offset]) => [name, seconds() + offset]));
    const authenticator = authenticatorFor(issuer.configuration());
    const { goodUntil } = await authenticator.authenticate(bearer(await issuer.token(claims)));
    expect(goodUntil).toBe(clock.now() + end * 1000);
  });

  it('may have times with fractions', async () => {
    const token = await issuer.token({ iat: seconds() - 0.5, exp: seconds() + 0.5 });
    await expect(authenticate(token)).resolves.toMatchObject({ subject: 'alice' });
  });

  it('is taken on from the issuer it names, of several', async () => {
    const other = new TestIssuer(clock);
    other.keys = [strangers];
    await other.start();
    const authenticator = authenticatorFor(
      issuer.configuration(),
      other.configuration({ organizations: ['fabrikam.onmicrosoft.com'] }),
    );
    const { principal } = await authenticator.authenticate(bearer(await other.token()));
    expect(principal).toMatchObject({ issuer: other.url, organizations: ['fabrikam.onmicrosoft.com'] });
    const forged = await sign(strangers, {}, issuer.claims());
    await expect(authenticator.authenticate(bearer(forged))).rejects.toMatchObject({ refusal: 'bad-signature' });
    await other.stop();
  });
});

describe('a token is refused', () => {
  it('when there is none', async () => {
    const authenticator = authenticatorFor(issuer.configuration());
    await expect(authenticator.authenticate(['Host', 'x'])).rejects.toBeInstanceOf(TokenMissingError);
    expect(refusals).toEqual(['missing']);
  });

  it.each(['garbage', 'a.b.c', 'e30.e30.e30'])('when it is %s', async (token) => {
    await expect(authenticate(token)).rejects.toBeInstanceOf(TokenInvalidError);
  });

  it('when the claims were changed after signing', async () => {
    const [header, , signature] = (await issuer.token()).split('.');
    const payload = Buffer.from(JSON.stringify(issuer.claims({ sub: 'mallory' }))).toString('base64url');
    await expectRefusal('bad-signature', `${header}.${payload}.${signature}`);
  });

  it('when another key signed it under a known kid', async () => {
    await expectRefusal('bad-signature', await sign(strangers, {}, issuer.claims()));
  });

  it('when an ECDSA signature has the wrong length', async () => {
    const token = await sign(ec, {}, issuer.claims());
    await expectRefusal('bad-signature', `${token.slice(0, token.lastIndexOf('.'))}.c2ln`);
  });

  it('when it is not signed', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${part({ alg: 'none', typ: 'at+jwt' })}.${part(issuer.claims())}.`;
    await expectRefusal('malformed-token', unsigned);
    refusals = [];
    await expectRefusal('algorithm-not-accepted', `${unsigned}c2ln`);
  });

  it('when it is signed by HMAC with the public key for the secret', async () => {
    const token = await new SignJWT(issuer.claims())
      .setProtectedHeader({ alg: 'HS256', kid: 'rsa', typ: 'at+jwt' })
      .sign(new TextEncoder().encode(await publicPem(rsa)));
    await expectRefusal('algorithm-not-accepted', token);
    refusals = [];
    await expectRefusal('algorithm-not-accepted', token, { algorithms: ['HS256', 'RS256'] });
  });

  it('when it is signed with EdDSA', async () => {
    await expectRefusal('algorithm-not-accepted', await sign(ed, {}, issuer.claims()));
  });

  it('when its algorithm is not among those of the issuer', async () => {
    await expectRefusal('algorithm-not-accepted', await issuer.token(), { algorithms: ['ES256'] });
  });

  it('when its algorithm does not fit the key', async () => {
    const token = await new SignJWT(issuer.claims())
      .setProtectedHeader({ alg: 'PS256', kid: 'rsa', typ: 'at+jwt' })
      .sign(await pssKey(rsa));
    await expectRefusal('unknown-key', token);
  });

  it('when its key is not one of the issuer', async () => {
    await expectRefusal('unknown-key', await sign(await makeKey('unknown'), {}, issuer.claims()));
  });

  it('when it names no kid and more than one key fits', async () => {
    await expectRefusal('unknown-key', await issuer.token({}, { kid: undefined }));
  });

  it.each(['jku', 'x5u', 'jwk', 'x5c'])('when it brings its own key by %s, which nobody asks for', async (name) => {
    const foreign = new TestIssuer(clock);
    foreign.keys = [strangers];
    await foreign.start();
    const values = { jku: `${foreign.url}/jwks`, x5u: `${foreign.url}/cert`, jwk: strangers.jwk, x5c: ['MIIB'] };
    const value = values[name as keyof typeof values];
    const token = await sign(strangers, { [name]: value }, issuer.claims());
    await expectRefusal('bad-signature', token);
    refusals = [];
    await expectRefusal('unknown-key', await sign(strangers, { [name]: value, kid: 'own' }, issuer.claims()));
    expect(foreign.requests).toEqual([]);
    // The parameter is ignored, not refused.
    await expect(authenticate(await issuer.token({}, { [name]: value }))).resolves.toMatchObject({ subject: 'alice' });
    await foreign.stop();
  });

  it.each([
    { crit: ['urn:example:unknown'], 'urn:example:unknown': 1 },
    { crit: ['b64'], b64: true },
    { b64: true },
    { zip: 'DEF' },
    { kid: 7 },
  ])('when it has the header parameters %j', async (header) => {
    const [, payload, signature] = (await issuer.token()).split('.');
    const unsigned = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'rsa', typ: 'at+jwt', ...header }));
    await expectRefusal('header-not-accepted', `${unsigned.toString('base64url')}.${payload}.${signature}`);
  });

  it('when it is properly signed with a critical extension', async () => {
    const header = { crit: ['urn:example:unknown'], 'urn:example:unknown': 1 };
    await expectRefusal('header-not-accepted', await issuer.token({}, header));
  });

  it.each([undefined, '', 'JWT', 'id+jwt', 'dpop+jwt', 'text/at+jwt', 'application/application/at+jwt', 7])(
    'when it is typed %j instead of at+jwt',
    async (typ) => {
      await expectRefusal('wrong-type', await issuer.token({}, { typ: typ as string }));
    },
  );

  it.each(['at+jwt', '', 'logout+jwt'])('when it is typed %j instead of JWT', async (typ) => {
    await expectRefusal('wrong-type', await issuer.token({}, { typ }), { tokenType: 'JWT' });
  });

  it.each(['nonce', 'at_hash', 'c_hash', 's_hash'])('when it is an ID token, by its %s', async (claim) => {
    await expectRefusal('wrong-type', await issuer.token({ [claim]: 'x' }, { typ: 'JWT' }), { tokenType: 'JWT' });
  });

  it.each([
    ['a trailing slash', (url: string) => `${url}/`],
    ['upper case', (url: string) => url.toUpperCase()],
    ['a longer name', (url: string) => `${url}.example`],
    ['nothing', () => undefined],
    ['an array', (url: string) => [url]],
    ['a name of every object', () => 'constructor'],
  ])('when its issuer is told by %s', async (_, change) => {
    await expectRefusal('unknown-issuer', await issuer.token({ iss: change(issuer.url) }));
  });

  it.each([
    ['other'],
    ['Restore-Gateway'],
    ['restore-gateway '],
    [[]],
    [['other']],
    [[['restore-gateway']]],
    [7],
    [undefined],
  ])('when its audience is %j', async (aud) => {
    const refused = authenticate(await issuer.token({ aud }));
    await expect(refused).rejects.toMatchObject({ code: 'token-invalid' });
    expect(['wrong-audience', 'unsound-claims']).toEqual(expect.arrayContaining(refusals));
  });

  it('when one of its audiences is not even a text', async () => {
    await expectRefusal('unsound-claims', await issuer.token({ aud: ['restore-gateway', 7] }));
  });

  it.each([undefined, '', 7, null, ['alice'], 'a'.repeat(256), 'al\nice', 'alicé', 'ali\u202ece'])(
    'when its subject is %j',
    async (sub) => {
      await expectRefusal('unsound-claims', await issuer.token({ sub }));
    },
  );

  it('when it has expired, to the second', async () => {
    await expectRefusal('expired', await issuer.token({ iat: seconds() - 99, exp: seconds() - 30 }));
  });

  it('when time has passed', async () => {
    const authenticator = authenticatorFor(issuer.configuration());
    const token = await issuer.token({ exp: seconds() + 60 });
    await authenticator.authenticate(bearer(token));
    await clock.advance(90_000);
    await expect(authenticator.authenticate(bearer(token))).rejects.toMatchObject({ refusal: 'expired' });
  });

  it('when it was issued in the future', async () => {
    await expectRefusal('not-yet-valid', await issuer.token({ iat: seconds() + 31 }));
  });

  it('when it is not valid yet', async () => {
    await expectRefusal('not-yet-valid', await issuer.token({ nbf: seconds() + 31 }));
  });

  it('when it was issued more than a day ago, however long it says it lives', async () => {
    await expectRefusal('too-old', await issuer.token({ iat: seconds() - DAY - 30, exp: seconds() + DAY }));
  });

  it.each(['exp', 'iat'])('when it has no %s', async (claim) => {
    await expectRefusal('unsound-claims', await issuer.token({ [claim]: undefined }));
  });

  it.each(['exp', 'iat', 'nbf'])('when its %s is not a number', async (claim) => {
    const text = JSON.stringify(issuer.claims({ nbf: undefined, [claim]: 'VALUE' }));
    const authenticator = authenticatorFor(issuer.configuration());
    for (const value of [`"${seconds()}"`, 'null', 'true', '[]', '{}', '"NaN"', '1e999', '-1e999']) {
      const token = await sign(rsa, {}, text.replace('"VALUE"', value));
      await expect(authenticator.authenticate(bearer(token))).rejects.toMatchObject({ code: 'token-invalid' });
    }
  });

  it('when it ends before it begins', async () => {
    await expectRefusal('unsound-claims', await issuer.token({ iat: seconds() + 10, exp: seconds() + 10 }));
  });

  it('when it says a claim twice, though signed', async () => {
    const text = JSON.stringify(issuer.claims()).replace('{', '{"sub":"bob",');
    await expectRefusal('malformed-token', await sign(rsa, {}, text));
  });
});

describe('nothing of a token', () => {
  it('is repeated by its refusal, causes included', async () => {
    const token = await sign(strangers, {}, issuer.claims({ sub: 'marker-subject', aud: 'marker-audience' }));
    const error = await authenticate(token).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(TokenInvalidError);
    expect(String(error) + JSON.stringify(error)).not.toMatch(/marker|eyJ/);
  });

  it('but its issuer, kid and shape is believed before its signature is proven', async () => {
    await expectRefusal('bad-signature', await sign(strangers, {}, issuer.claims({ exp: 1, sub: '', nonce: 'x' })));
  });
});

describe('while the keys cannot be had', () => {
  it('a token is neither taken nor refused', async () => {
    const token = await issuer.token();
    const configuration = issuer.configuration();
    await issuer.stop();
    const refused = authenticatorFor(configuration).authenticate(bearer(token));
    await expect(refused).rejects.toBeInstanceOf(IssuerUnavailableError);
    expect(refusals).toEqual(['issuer-unavailable']);
  });

  it('a token of an unknown issuer is refused all the same', async () => {
    const token = await issuer.token({ iss: 'https://elsewhere.example' });
    const configuration = issuer.configuration();
    await issuer.stop();
    await expect(authenticatorFor(configuration).authenticate(bearer(token))).rejects.toMatchObject({
      refusal: 'unknown-issuer',
    });
  });
});

/** The same RSA key, to sign with PSS padding. */
async function pssKey({ privateKey }: SigningKey) {
  const jwk = await crypto.subtle.exportKey('jwk', privateKey);
  delete jwk.alg;
  return await crypto.subtle.importKey('jwk', jwk, { name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign']);
}
