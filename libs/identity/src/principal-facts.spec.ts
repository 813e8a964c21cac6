import type { IssuerConfiguration, RoleBinding } from '@app/config';

import { factsOf, principalNow } from './principal-facts.js';
import type { Principal } from './principal.js';

const CONTOSO = 'contoso.onmicrosoft.com';
const FABRIKAM = 'fabrikam.onmicrosoft.com';

const issuer: IssuerConfiguration = {
  issuer: 'https://sso.example',
  audiences: ['restore-gateway'],
  jwksUri: undefined,
  algorithms: ['RS256'],
  preset: 'generic',
  tokenType: 'at+jwt',
  organizations: [CONTOSO, FABRIKAM],
  emailDomains: [CONTOSO],
  ownershipByEmail: undefined,
};

const operators: RoleBinding = {
  role: 'operator',
  organizations: [CONTOSO],
  issuer: undefined,
  group: 'operators',
  tokenRole: undefined,
  scope: undefined,
};

const oscar: Principal = {
  issuer: issuer.issuer,
  subject: 'oscar',
  clientId: 'portal',
  actor: { issuer: issuer.issuer, subject: 'helpdesk-app', clientId: undefined },
  kind: 'person',
  objectId: '6f1f6a8e-0b5c-4b4e-9d39-0a8f1a3f5b01',
  ownershipEmail: undefined,
  userName: `oscar@${CONTOSO}`,
  email: { address: `oscar@${CONTOSO}`, isVerified: true },
  groups: ['operators'],
  roles: [],
  scopes: [],
  organizations: [CONTOSO, FABRIKAM],
  operatorOf: new Set([CONTOSO]),
  auditorOf: new Set(),
};

/** As the database gives them back. */
const stored = JSON.parse(JSON.stringify(factsOf(oscar))) as ReturnType<typeof factsOf>;

describe('the caller of stored facts', () => {
  it('is who they were while the configuration is what it was', () => {
    expect(principalNow(stored, { issuers: [issuer], roleBindings: [operators] })).toEqual(oscar);
  });

  it('holds nothing of what the configuration made of them', () => {
    expect(Object.keys(stored)).not.toEqual(expect.arrayContaining(['organizations']));
    expect(JSON.stringify(stored)).not.toContain('operatorOf');
  });

  it('has lost a role whose binding is gone', () => {
    expect(principalNow(stored, { issuers: [issuer], roleBindings: [] }).operatorOf).toEqual(new Set());
  });

  it('gets a role whose binding came', () => {
    const binding = { ...operators, organizations: [CONTOSO, FABRIKAM] };
    expect(principalNow(stored, { issuers: [issuer], roleBindings: [binding] }).operatorOf).toEqual(
      new Set([CONTOSO, FABRIKAM]),
    );
  });

  it('is nobody where the issuer speaks no longer', () => {
    const narrowed = { ...issuer, organizations: [FABRIKAM] };
    const now = principalNow(stored, { issuers: [narrowed], roleBindings: [operators] });
    expect(now.organizations).toEqual([FABRIKAM]);
    expect(now.operatorOf).toEqual(new Set());
  });

  it('is nobody anywhere once the issuer is not trusted any more', () => {
    const now = principalNow(stored, { issuers: [], roleBindings: [operators] });
    expect(now).toMatchObject({ organizations: [], operatorOf: new Set(), email: undefined });
  });

  it('has no address in a domain that the issuer may not speak for', () => {
    const now = principalNow(stored, { issuers: [{ ...issuer, emailDomains: [FABRIKAM] }], roleBindings: [] });
    expect(now.email).toBeUndefined();
  });

  it('is an owner by address only while the issuer is opted in, and may speak for the address', () => {
    const byAddress = { ...stored, objectId: undefined, ownershipEmail: `oscar@${CONTOSO}` };
    const optedIn = { ...issuer, ownershipByEmail: { addressClaim: 'email', verifiedClaim: 'email_verified' } };
    const of = (now: IssuerConfiguration) => principalNow(byAddress, { issuers: [now], roleBindings: [] });
    expect(of(optedIn).ownershipEmail).toBe(`oscar@${CONTOSO}`);
    expect(of(issuer).ownershipEmail).toBeUndefined();
    expect(of({ ...optedIn, emailDomains: [FABRIKAM] }).ownershipEmail).toBeUndefined();
  });
});
