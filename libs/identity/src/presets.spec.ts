import type { IssuerConfiguration } from '@app/config';

import { principalFromClaims } from './principal-from-claims.js';

const OID = '6f1f6a8e-0b5c-4b4e-9d39-0a8f1a3f5b01';
const TENANT = '0b7d5d62-3c2c-4d6b-9a5e-1f0b1c2d3e4f';
const ISSUERS = {
  'entra v1': `https://sts.windows.net/${TENANT}/`,
  'entra v2': `https://login.microsoftonline.com/${TENANT}/v2.0`,
};

function principal(preset: IssuerConfiguration['preset'], claims: object) {
  const issuer: IssuerConfiguration = {
    issuer: 'https://sso.example',
    audiences: ['restore-gateway'],
    jwksUri: undefined,
    algorithms: ['RS256'],
    preset,
    tokenType: 'JWT',
    organizations: ['contoso.onmicrosoft.com'],
    emailDomains: ['contoso.com'],
    ownershipByEmail: undefined,
  };
  return principalFromClaims({ iss: issuer.issuer, sub: 'pairwise-subject', ...claims }, issuer, []);
}

const service = { kind: 'service', objectId: undefined, userName: undefined, email: undefined };

// Each as the issuer's own documentation shows it, shortened to what is looked at or might mislead.
const entraV1 = { iss: ISSUERS['entra v1'], tid: TENANT, ver: '1.0', appid: 'portal', appidacr: '1', oid: OID };
const entraV2 = { iss: ISSUERS['entra v2'], tid: TENANT, ver: '2.0', azp: 'portal', azpacr: '1', oid: OID };

describe('a token of Entra ID', () => {
  it.each([
    [
      'v1, of a person',
      { ...entraV1, scp: 'restore', upn: 'alice@contoso.com', unique_name: 'alice@contoso.com', groups: ['g'] },
      { kind: 'person', objectId: OID, userName: 'alice@contoso.com', groups: ['g'], scopes: ['restore'] },
    ],
    [
      'v2, of a person',
      { ...entraV2, scp: 'restore more', preferred_username: 'alice@contoso.com', roles: ['Restore.Operator'] },
      {
        kind: 'person',
        objectId: OID,
        userName: 'alice@contoso.com',
        roles: ['Restore.Operator'],
        scopes: ['restore', 'more'],
      },
    ],
    [
      'v2, of a person, with idtyp',
      { ...entraV2, scp: 'restore', idtyp: 'user' },
      { kind: 'person', objectId: OID, userName: undefined },
    ],
    [
      'v1, of a guest',
      { ...entraV1, scp: 'restore', unique_name: 'live.com#gina@partner.example', email: 'gina@partner.example' },
      { kind: 'person', objectId: OID, userName: undefined, email: undefined },
    ],
    [
      'v2, of a guest',
      { ...entraV2, scp: 'restore', preferred_username: 'gina@partner.example', idp: 'https://sts.windows.net/other/' },
      { kind: 'person', objectId: OID, userName: 'gina@partner.example' },
    ],
    ['v1, of a service', { ...entraV1, sub: OID, roles: ['Restore.All'] }, { ...service, roles: ['Restore.All'] }],
    ['v2, of a service', { ...entraV2, sub: OID, roles: ['Restore.All'] }, { ...service, roles: ['Restore.All'] }],
    ['v2, of a service, with idtyp', { ...entraV2, sub: OID, idtyp: 'app', roles: ['Restore.All'] }, service],
  ])('%s', (_case, claims, expected) => {
    expect(principal('entra', claims)).toMatchObject({ issuer: claims.iss, clientId: 'portal', ...expected });
  });
});

describe('a token of Okta', () => {
  it.each([
    [
      'of a person',
      { sub: 'alice@contoso.com', uid: '00u1', cid: 'portal', scp: ['restore'], oid: OID, groups: ['operators'] },
      { kind: 'person', objectId: OID, clientId: 'portal', scopes: ['restore'], groups: ['operators'] },
    ],
    ['of a service', { sub: '0oa1', cid: '0oa1', scp: ['restore'] }, { ...service, clientId: '0oa1' }],
  ])('%s', (_case, claims, expected) => {
    expect(principal('okta', claims)).toMatchObject(expected);
  });
});

describe('a token of Keycloak', () => {
  const keycloak = {
    azp: 'portal',
    typ: 'Bearer',
    scope: 'email profile',
    preferred_username: 'alice',
    email: 'alice@contoso.com',
    email_verified: true,
    realm_access: { roles: ['offline_access', 'operators'] },
    resource_access: { account: { roles: ['manage-account'] } },
  };

  it('of a person has the roles of the realm', () => {
    expect(principal('keycloak', keycloak)).toMatchObject({
      kind: 'person',
      objectId: undefined,
      clientId: 'portal',
      userName: 'alice',
      email: { address: 'alice@contoso.com', isVerified: true },
      roles: ['offline_access', 'operators'],
      scopes: ['email', 'profile'],
    });
  });

  it('has the roles of a mapper in their place', () => {
    expect(principal('keycloak', { ...keycloak, roles: ['restore-operators'] }).roles).toEqual(['restore-operators']);
  });

  it.each([{ realm_access: 7 }, { realm_access: ['operators'] }, { realm_access: { roles: [7] } }])(
    'is refused with the misshapen %j',
    (claims) => {
      expect(() => principal('keycloak', { ...keycloak, ...claims })).toThrow(
        expect.objectContaining({ refusal: 'unsound-claims' }),
      );
    },
  );

  it.each([{}, { realm_access: null }, { realm_access: {} }])('has no roles with %j', (claims) => {
    expect(principal('keycloak', { sub: 'alice', ...claims }).roles).toEqual([]);
  });

  it('of a service is one once a mapper says so and nothing names a person', () => {
    const ofService = { sub: 'c0ffee', client_id: 'helpdesk', azp: 'helpdesk', realm_access: { roles: ['operators'] } };
    expect(principal('keycloak', { ...ofService, idtyp: 'app' })).toMatchObject({ ...service, clientId: 'helpdesk' });
    const named = { ...ofService, idtyp: 'app', preferred_username: 'service-account-helpdesk' };
    expect(principal('keycloak', named).kind).toBe('person');
  });
});

describe('a token of Ping', () => {
  it('of a person', () => {
    const claims = { client_id: 'portal', scope: 'restore', oid: OID, groups: ['operators'] };
    expect(principal('ping', claims)).toMatchObject({
      kind: 'person',
      objectId: OID,
      clientId: 'portal',
      scopes: ['restore'],
      groups: ['operators'],
    });
  });

  it('of a service', () => {
    const claims = { sub: 'helpdesk', client_id: 'helpdesk', scope: 'restore' };
    expect(principal('ping', claims)).toMatchObject({ ...service, clientId: 'helpdesk' });
  });
});

describe('a token without its groups because there were too many', () => {
  const sources = { src1: { endpoint: `https://graph.windows.net/${TENANT}/users/${OID}/getMemberObjects` } };

  it.each([
    { _claim_names: { groups: 'src1' }, _claim_sources: sources },
    { _claim_names: { groups: 'src1' } },
    { hasgroups: true },
    { hasgroups: true, groups: ['some'] },
    { _claim_names: { roles: 'src1' } },
  ])('is refused: %j', (overage) => {
    for (const preset of ['entra', 'generic'] as const) {
      expect(() => principal(preset, { ...entraV2, scp: 'restore', ...overage })).toThrow(
        expect.objectContaining({ refusal: 'groups-overage' }),
      );
    }
  });

  it.each([{ _claim_names: 'groups' }, { _claim_names: null }, { _claim_names: ['groups'] }, { hasgroups: 'true' }])(
    'is unsound when that is said by %j',
    (overage) => {
      expect(() => principal('entra', { ...entraV2, ...overage })).toThrow(
        expect.objectContaining({ refusal: 'unsound-claims' }),
      );
    },
  );

  it.each([{ _claim_names: { address: 'src1' } }, { _claim_names: {} }, { hasgroups: false }])(
    'is none that says %j',
    (claims) => {
      expect(principal('entra', { ...entraV2, groups: ['g'], ...claims }).groups).toEqual(['g']);
    },
  );
});
