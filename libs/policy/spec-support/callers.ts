import type { Principal } from '@app/identity';

export const CONTOSO = 'contoso.onmicrosoft.com';
export const FABRIKAM = 'fabrikam.onmicrosoft.com';

/** A person of contoso without any role. */
export function aPerson(over: Partial<Principal> = {}): Principal {
  const subject = over.subject ?? 'alice';
  return {
    issuer: 'https://login.contoso.com',
    subject,
    clientId: 'portal',
    actor: undefined,
    kind: 'person',
    objectId: `oid-of-${subject}`,
    ownershipEmail: undefined,
    userName: undefined,
    email: { address: `${subject}@${CONTOSO}`, isVerified: true },
    groups: [],
    roles: [],
    scopes: [],
    organizations: [CONTOSO],
    operatorOf: new Set(),
    auditorOf: new Set(),
    ...over,
  };
}

export const alice = aPerson();
export const mallory = aPerson({ subject: 'mallory' });
export const audrey = aPerson({ subject: 'audrey', auditorOf: new Set([CONTOSO]) });
export const oscar = aPerson({
  subject: 'oscar',
  organizations: [CONTOSO, FABRIKAM],
  operatorOf: new Set([CONTOSO]),
});
export const helpdeskApp = aPerson({
  subject: 'helpdesk-app',
  kind: 'service',
  objectId: undefined,
  email: undefined,
  operatorOf: new Set([CONTOSO]),
});
