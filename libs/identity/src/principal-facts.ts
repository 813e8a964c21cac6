import type { IssuerConfiguration, RoleBinding } from '@app/config';

import type { Principal } from './principal.js';
import { organizationsOf } from './role-bindings.js';

/** What a token proved of a caller, without what the configuration makes of it: fit to be stored, and looked at again later. */
export type PrincipalFacts = Omit<Principal, 'organizations' | 'operatorOf' | 'auditorOf'>;

/** What the configuration says of issuers and roles, as it stands now. */
export interface IssuersAndRoles {
  readonly issuers: readonly IssuerConfiguration[];
  readonly roleBindings: readonly RoleBinding[];
}

export function factsOf({ organizations: _, operatorOf: __, auditorOf: ___, ...facts }: Principal): PrincipalFacts {
  return facts;
}

/**
 * The caller of these facts under the configuration of now: an issuer that is no longer trusted speaks for nothing, a binding
 * that is gone gives no role, and an address outside the domains of its issuer is not believed any more,
 * nor one that may no longer prove ownership.
 */
export function principalNow(facts: PrincipalFacts, { issuers, roleBindings }: IssuersAndRoles): Principal {
  const issuer = issuers.find((known) => known.issuer === facts.issuer);
  const bearer = { ...facts, organizations: issuer?.organizations ?? [] };
  const isBelieved = (address = '') => issuer?.emailDomains.includes(address.split('@')[1] ?? '') === true;
  const isKey = issuer?.ownershipByEmail !== undefined && isBelieved(facts.ownershipEmail);
  return {
    ...bearer,
    ownershipEmail: isKey ? facts.ownershipEmail : undefined,
    email: isBelieved(facts.email?.address) ? facts.email : undefined,
    operatorOf: organizationsOf('operator', bearer, roleBindings),
    auditorOf: organizationsOf('auditor', bearer, roleBindings),
  };
}
