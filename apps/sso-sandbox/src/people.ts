import { createHash } from 'node:crypto';

/** Somebody who can sign in here. `name` is the short name used on the command line. */
export interface Person {
  readonly name: string;
  readonly displayName: string;
  readonly login: string;
  /** The directory's immutable object id. */
  readonly objectId: string;
  readonly tenantId: string;
  readonly groups: readonly string[];
}

/** A service that signs in as itself (client credentials). */
export interface Service {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly roles: readonly string[];
}

/** The scope of the one API this provider issues access tokens for. */
export const API_SCOPE = 'restore';

/** The public client that people sign in with. */
export const PUBLIC_CLIENT_ID = 'restore-desk';

const contoso = { domain: 'contoso.onmicrosoft.com', tenantId: 'c0470500-0000-4000-8000-00000000c0de' };
const fabrikam = { domain: 'fabrikam.onmicrosoft.com', tenantId: 'fab41ca0-0000-4000-8000-00000000c0de' };

function person(
  displayName: string,
  objectId: string,
  { domain, tenantId } = contoso,
  groups: readonly string[] = [],
): Person {
  const name = displayName.toLowerCase().split(' ')[0] ?? displayName;
  return { name, displayName, login: `${name}@${domain}`, objectId, tenantId, groups };
}

export const people: readonly Person[] = [
  person('Alice Archer', 'a11ce000-0000-4000-8000-000000000001'),
  person('Bob Baker', 'b0b00000-0000-4000-8000-000000000002'),
  person('Fred Fisher', 'f4ed0000-0000-4000-8000-000000000003', fabrikam),
  person('Oscar Olsen', '05ca4000-0000-4000-8000-000000000004', contoso, ['contoso-restore-operators']),
  person('Audrey Adams', 'a0d4e700-0000-4000-8000-000000000005', contoso, ['restore-auditors']),
  person('Mallory Moss', '3a110400-0000-4000-8000-000000000006'),
];

export const services: readonly Service[] = [
  { clientId: 'helpdesk-app', clientSecret: 'helpdesk-app-secret', roles: ['contoso-restore-operator'] },
];

/** `sub`: opaque and stable, and nothing a program could take for the login or the object id. */
export function subjectOf(person: Person): string {
  return createHash('sha256').update(`subject of ${person.objectId}`).digest('base64url');
}

export function personBySubject(subject: string): Person | undefined {
  return people.find((candidate) => subjectOf(candidate) === subject);
}

export function personByLogin(login: string): Person | undefined {
  return people.find((candidate) => candidate.login === login.toLowerCase());
}

/** What an access token (and the ID token) says about a person beyond `sub`. */
export function claimsOf({ objectId, tenantId, displayName, login, groups }: Person) {
  return {
    oid: objectId,
    tid: tenantId,
    name: displayName,
    preferred_username: login,
    email: login,
    email_verified: true,
    groups,
  };
}
