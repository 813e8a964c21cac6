import { makeOrganizations } from '../../apps/veeam-sandbox/src/world/organizations.js';

const backups = makeOrganizations(new Date(), { oneDrives: 0 });

/** What the backups hold of a person. */
export function backedUp(login: string) {
  const organization = backups.find(({ users }) => users.some((one) => one.login === login));
  const user = organization?.users.find((one) => one.login === login);
  if (!organization || !user) throw new Error(`nobody is called ${login}`);
  const oneDrives = organization.oneDrives.filter(({ owner }) => owner.id === user.id);
  return { ...user, organizationId: organization.id, oneDriveIds: oneDrives.map(({ id }) => id) };
}

/** What the token of a person says who it is; `oid` where it is another's. */
export function claimsOf(
  { objectId, login }: { objectId: string | undefined; login: string },
  oid: string | undefined = objectId,
): Readonly<Record<string, unknown>> {
  return { sub: `subject of ${login}`, oid, email: login, preferred_username: login };
}
