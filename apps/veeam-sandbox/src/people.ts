export interface KnownOrganization {
  readonly id: string;
  /** The tenant domain. */
  readonly name: string;
}

export interface Person {
  readonly login: string;
  readonly displayName: string;
  /** The directory's immutable id, which is the first GUID of the user id. */
  readonly objectId: string;
  readonly organization: KnownOrganization;
}

export const contoso: KnownOrganization = {
  id: '5c1a2b30-0000-4000-8000-00000000c001',
  name: 'contoso.onmicrosoft.com',
};
export const fabrikam: KnownOrganization = {
  id: '5c1a2b30-0000-4000-8000-00000000fab1',
  name: 'fabrikam.onmicrosoft.com',
};

function person(name: string, objectId: string, organization: KnownOrganization): Person {
  const displayName = name.charAt(0).toUpperCase() + name.slice(1);
  return { login: `${name}@${organization.name}`, displayName, objectId, organization };
}

/** The people every tool of a demonstration knows; those after fred have no OneDrive. */
export const people = {
  alice: person('alice', 'a11ce000-0000-4000-8000-000000000001', contoso),
  bob: person('bob', 'b0b00000-0000-4000-8000-000000000002', contoso),
  fred: person('fred', 'f4ed0000-0000-4000-8000-000000000003', fabrikam),
  oscar: person('oscar', '05ca4000-0000-4000-8000-000000000004', contoso),
  audrey: person('audrey', 'a0d4e700-0000-4000-8000-000000000005', contoso),
  mallory: person('mallory', '3a110400-0000-4000-8000-000000000006', contoso),
};
