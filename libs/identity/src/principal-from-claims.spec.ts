import type { IssuerConfiguration, RoleBinding } from '@app/config';
import { principalFromClaims } from './principal-from-claims.js';

const CONTOSO = 'contoso.onmicrosoft.com';
const FABRIKAM = 'fabrikam.onmicrosoft.com';
const ISSUER = 'https://sso.example';
const OBJECT_ID = '6f1f6a8e-0b5c-4b4e-9d39-0a8f1a3f5b01';

const issuer: IssuerConfiguration = {
  issuer: ISSUER,
  audiences: ['restore-gateway'],
  jwksUri: undefined,
  algorithms: ['RS256'],
  preset: 'generic',
  tokenType: 'at+jwt',
  organizations: [CONTOSO],
  emailDomains: [CONTOSO],
  ownershipByEmail: undefined,
};

const noConditions = { issuer: undefined, group: undefined, tokenRole: undefined, scope: undefined };
const binding = (changes: Partial<RoleBinding>): RoleBinding => ({
  role: 'operator',
  organizations: [CONTOSO],
  ...noConditions,
  ...changes,
});

function principal(
  claims: Record<string, unknown>,
  changes: Partial<IssuerConfiguration> = {},
  bindings: RoleBinding[] = [],
) {
  return principalFromClaims({ iss: ISSUER, sub: 'alice', ...claims }, { ...issuer, ...changes }, bindings);
}

const alice = {
  client_id: 'portal',
  oid: OBJECT_ID,
  preferred_username: `alice@${CONTOSO}`,
  email: `alice@${CONTOSO}`,
  email_verified: true,
};

describe('a principal', () => {
  it('is made of all that the claims say', () => {
    const claims = { ...alice, groups: ['g1'], roles: ['r1', 'r2'], scope: 'openid restore' };
    expect(principal(claims)).toEqual({
      issuer: ISSUER,
      subject: 'alice',
      clientId: 'portal',
      actor: undefined,
      kind: 'person',
      objectId: OBJECT_ID,
      ownershipEmail: undefined,
      userName: `alice@${CONTOSO}`,
      email: { address: `alice@${CONTOSO}`, isVerified: true },
      groups: ['g1'],
      roles: ['r1', 'r2'],
      scopes: ['openid', 'restore'],
      organizations: [CONTOSO],
      operatorOf: new Set(),
      auditorOf: new Set(),
    });
  });

  it('is a person without any right when the token says next to nothing', () => {
    expect(principal({})).toEqual({
      issuer: ISSUER,
      subject: 'alice',
      clientId: undefined,
      actor: undefined,
      kind: 'person',
      objectId: undefined,
      ownershipEmail: undefined,
      userName: undefined,
      email: undefined,
      groups: [],
      roles: [],
      scopes: [],
      organizations: [CONTOSO],
      operatorOf: new Set(),
      auditorOf: new Set(),
    });
  });

  it('is the subject, with the rights of the subject, whoever acts for it', () => {
    const act = { sub: 'oscar', groups: ['ops'], roles: ['ops'], act: { sub: 'helpdesk-app' } };
    expect(principal({ ...alice, act }, {}, [binding({ group: 'ops' })])).toMatchObject({
      subject: 'alice',
      kind: 'person',
      objectId: OBJECT_ID,
      actor: { issuer: ISSUER, subject: 'oscar', clientId: undefined },
      groups: [],
      operatorOf: new Set(),
    });
  });

  it.each([
    [{ client_id: 'a', azp: 'b', appid: 'c' }, 'a'],
    [{ azp: 'b', appid: 'c' }, 'b'],
    [{ client_id: null, appid: 'c' }, 'c'],
  ])('has the client of %j', (claims, clientId) => {
    expect(principal(claims).clientId).toBe(clientId);
  });

  it.each([
    [{ scope: 'a b a' }, ['a', 'b']],
    [{ scope: '' }, []],
    [{ scp: ['a', 'b'] }, ['a', 'b']],
    [{ scp: 'a b' }, ['a', 'b']],
  ])('has the scopes of %j', (claims, scopes) => {
    expect(principal(claims).scopes).toEqual(scopes);
  });

  it('has one role where the issuer sends it without an array', () => {
    expect(principal({ roles: 'operator', groups: 'a b' })).toMatchObject({ roles: ['operator'], groups: ['a b'] });
  });

  it.each([
    { groups: {} },
    { groups: [7] },
    { groups: [['a']] },
    { groups: [''] },
    { groups: Array.from({ length: 1_001 }, (_, i) => `g${i}`) },
    { roles: [null] },
    { roles: 7 },
    { roles: ['a'.repeat(257)] },
    { scope: 7 },
    { scope: 'a\nb' },
    { client_id: '' },
    { client_id: ['portal'] },
    { preferred_username: 'ali\u0000ce' },
    { preferred_username: 'ali\u202ece' },
    { preferred_username: 'ali\ud800ce' },
    { email: {} },
    { oid: 7 },
    { act: 'helpdesk-app' },
  ])('is not made of the misshapen %j', (claims) => {
    expect(() => principal(claims)).toThrow(expect.objectContaining({ refusal: 'unsound-claims' }));
  });
});

describe('the object id', () => {
  it('is lower-cased', () => {
    expect(principal({ oid: OBJECT_ID.toUpperCase() }).objectId).toBe(OBJECT_ID);
  });

  it.each(['alice', `${OBJECT_ID}0`, `{${OBJECT_ID}}`, '00000000-0000-0000-0000-000000000000', OBJECT_ID.slice(1)])(
    'is none when the claim is %s',
    (oid) => {
      expect(principal({ oid }).objectId).toBeUndefined();
    },
  );
});

describe('the e-mail address', () => {
  it.each([
    [`Alice@${CONTOSO.toUpperCase()}`, `alice@${CONTOSO}`],
    [`a.l+i'ce@${CONTOSO}`, `a.l+i'ce@${CONTOSO}`],
  ])('%s is believed when verified', (email, address) => {
    expect(principal({ ...alice, email }).email).toEqual({ address, isVerified: true });
  });

  it.each([undefined, false, 'true', 1, 'false', null])(
    'is not believed when email_verified is %j',
    (email_verified) => {
      expect(principal({ ...alice, email_verified }).email).toBeUndefined();
    },
  );

  it.each([
    `alice@${FABRIKAM}`,
    `alice@sub.${CONTOSO}`,
    `alice@x${CONTOSO}`,
    `alice@${CONTOSO}.`,
    `alice@${CONTOSO}.evil.example`,
    `alice@evil.example@${CONTOSO}`,
    `"alice@evil.example"@${CONTOSO}`,
    `alice@evil.example,alice@${CONTOSO}`,
    `Alice <alice@${CONTOSO}>`,
    `alice@\u212aontoso.onmicrosoft.com`,
    `al\u0131ce@${CONTOSO}`,
    `@${CONTOSO}`,
    CONTOSO,
    `${'a'.repeat(65)}@${CONTOSO}`,
  ])('%s is not believed though verified', (email) => {
    expect(
      principal({ ...alice, email }, { emailDomains: [CONTOSO, 'kontoso.onmicrosoft.com'] }).email,
    ).toBeUndefined();
  });

  it('is not believed of an issuer that may speak for no domain', () => {
    expect(principal(alice, { emailDomains: [] }).email).toBeUndefined();
  });
});

describe('the address that proves ownership', () => {
  const ownershipByEmail = { addressClaim: 'mail', verifiedClaim: 'mail_verified' };
  const byEmail = { oid: undefined, mail: `Alice@${CONTOSO}`, mail_verified: true };
  const ofClaims = (claims: Record<string, unknown>, changes: Partial<IssuerConfiguration> = { ownershipByEmail }) =>
    principal({ ...alice, ...byEmail, ...claims }, changes).ownershipEmail;

  it('is the one in the claim that was named, if the claim that was named says it is verified', () => {
    expect(ofClaims({ email: undefined, email_verified: undefined })).toBe(`alice@${CONTOSO}`);
  });

  it('is none unless the issuer was opted in', () => {
    expect(ofClaims({}, {})).toBeUndefined();
  });

  it('is none beside an object id, which proves more', () => {
    expect(ofClaims({ oid: OBJECT_ID })).toBeUndefined();
  });

  it.each([undefined, false, 'true', 1, null])(
    'is none when the claim says %j, whatever others say',
    (mail_verified) => {
      expect(ofClaims({ mail_verified })).toBeUndefined();
    },
  );

  it.each([
    undefined,
    `alice@${FABRIKAM}`,
    `alice@sub.${CONTOSO}`,
    `alice@evil.example@${CONTOSO}`,
    `al\u0131ce@${CONTOSO}`,
  ])('is none when the address is %s', (mail) => {
    expect(ofClaims({ mail })).toBeUndefined();
  });

  it('is not a member that every object has', () => {
    const claims = { addressClaim: 'constructor', verifiedClaim: 'toString' };
    expect(ofClaims({}, { ownershipByEmail: claims })).toBeUndefined();
  });

  it('is none of a service, and makes its bearer a person', () => {
    const service = { sub: 'app', client_id: 'app', oid: undefined, email: undefined, preferred_username: undefined };
    expect(principal({ ...service, mail: 'x' }, { ownershipByEmail }).kind).toBe('person');
    expect(principal({ ...service }, { ownershipByEmail })).toMatchObject({
      kind: 'service',
      ownershipEmail: undefined,
    });
    expect(principal({ ...service, mail: `app@${CONTOSO}`, mail_verified: true, idtyp: 'app' }, {})).toMatchObject({
      kind: 'service',
      ownershipEmail: undefined,
    });
  });
});

describe('a service', () => {
  const nobody = { kind: 'service', objectId: undefined, userName: undefined, email: undefined };

  it('is whose subject is its client', () => {
    expect(principal({ sub: 'helpdesk-app', client_id: 'helpdesk-app' })).toMatchObject(nobody);
  });

  it.each(['generic', 'entra'] as const)('is what says so, and its object id is not a person (%s)', (preset) => {
    const claims = { sub: OBJECT_ID, oid: OBJECT_ID, azp: 'app', idtyp: 'app' };
    expect(principal(claims, { preset })).toMatchObject(nobody);
  });

  it('is, at Entra, what has its object id for a subject and no scopes', () => {
    const claims = { sub: OBJECT_ID, oid: OBJECT_ID, appid: 'app', roles: ['Restore.All'] };
    expect(principal(claims, { preset: 'entra' })).toMatchObject({ ...nobody, roles: ['Restore.All'] });
  });

  it.each([
    { sub: 'alice', client_id: 'alice', oid: OBJECT_ID },
    { sub: 'alice', client_id: 'alice', email: 'alice@elsewhere.example' },
    { sub: 'alice', client_id: 'alice', preferred_username: 'alice' },
    { sub: 'alice', client_id: 'alice', upn: 'alice' },
    { sub: 'pairwise', oid: OBJECT_ID, azp: 'app', idtyp: 'app' },
    { sub: OBJECT_ID, oid: OBJECT_ID, azp: 'app', idtyp: 'app', upn: 'alice' },
    { sub: OBJECT_ID, oid: OBJECT_ID, azp: 'app', idtyp: 'user' },
    { sub: OBJECT_ID, oid: OBJECT_ID, azp: 'app', scp: 'restore' },
    { sub: 'alice', idtyp: 'user' },
  ])('is no person who happens to look like one: %j', (claims) => {
    expect(principal(claims).kind).toBe('person');
    expect(principal(claims, { preset: 'entra' }).kind).toBe('person');
  });
});

describe('role bindings', () => {
  const operatorOf = (claims: Record<string, unknown>, ...bindings: RoleBinding[]) => [
    ...principal(claims, { organizations: [CONTOSO, FABRIKAM] }, bindings).operatorOf,
  ];

  it.each([
    [{ groups: ['ops'] }, { group: 'ops' }],
    [{ roles: ['ops'] }, { tokenRole: 'ops' }],
    [{ scope: 'x ops' }, { scope: 'ops' }],
    [{}, { issuer: ISSUER }],
    [
      { groups: ['ops'], roles: ['ops'] },
      { issuer: ISSUER, group: 'ops', tokenRole: 'ops' },
    ],
  ])('make %j an operator by %j', (claims, conditions) => {
    expect(operatorOf(claims, binding(conditions))).toEqual([CONTOSO]);
  });

  it.each([
    [{ groups: ['ops'] }, { tokenRole: 'ops' }],
    [{ roles: ['ops'] }, { group: 'ops' }],
    [{ groups: ['Ops', 'ops2', ' ops'] }, { group: 'ops' }],
    [{ groups: ['ops'] }, { group: 'ops', tokenRole: 'ops' }],
    [{ groups: ['ops'] }, { group: 'ops', issuer: `${ISSUER}/` }],
    [{ groups: ['ops'] }, { group: 'ops', role: 'auditor' as const }],
    [{ groups: ['ops'] }, {}],
  ])('do not make %j an operator by %j', (claims, conditions) => {
    expect(operatorOf(claims, binding(conditions))).toEqual([]);
  });

  it('add up, but are not mixed', () => {
    const bindings = [
      binding({ group: 'a' }),
      binding({ group: 'b', organizations: [FABRIKAM] }),
      binding({ group: 'c', role: 'auditor', organizations: [FABRIKAM] }),
    ];
    expect(operatorOf({ groups: ['a', 'b'] }, ...bindings)).toEqual([CONTOSO, FABRIKAM]);
    const mixed = principal({ groups: ['a', 'c'] }, { organizations: [CONTOSO, FABRIKAM] }, bindings);
    expect(mixed.operatorOf).toEqual(new Set([CONTOSO]));
    expect(mixed.auditorOf).toEqual(new Set([FABRIKAM]));
  });

  it('reach no organization that the issuer may not speak for', () => {
    const bindings = [binding({ group: 'ops', organizations: [CONTOSO, FABRIKAM] })];
    const { operatorOf } = principal({ groups: ['ops'] }, { organizations: [FABRIKAM] }, bindings);
    expect(operatorOf).toEqual(new Set([FABRIKAM]));
  });
});
