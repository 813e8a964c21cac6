import type { Document, Folder, Item } from '../world/item-tree.js';
import type { OneDrive, Organization, User } from '../world/organizations.js';
import { SandboxError } from '../world/sandbox-error.js';
import type { RestoreSession, SessionEvent } from '../world/restore-sessions.js';
import type { Exchange } from './api-version.js';

/* What the parameters of a path or a query name; 404 when there is none. */

export function organizationOf({ world, param }: Exchange): Organization {
  const organization = world.findOrganization(param('organizationId'));
  return organization ?? notFound('Organization', param('organizationId'));
}

/** By the exact id: the base64 in it makes case matter. */
export function userOf({ param }: Exchange, organization: Organization): User {
  const user = organization.users.find(({ id, isInProduction }) => isInProduction && id === param('userId'));
  return user ?? notFound('User', param('userId'));
}

export function oneDrivesOfUser(organization: Organization, user: User): readonly OneDrive[] {
  return organization.oneDrives.filter(({ owner }) => owner.id === user.id);
}

export function oneDriveOfUser({ param }: Exchange, organization: Organization, user: User): OneDrive {
  const id = param('oneDriveId').toLowerCase();
  return oneDrivesOfUser(organization, user).find((owned) => owned.id === id) ?? notFound('OneDrive', id);
}

export function eventOf({ param }: Exchange, session: RestoreSession): SessionEvent {
  const event = session.events.find(({ id }) => id === param('eventId').toLowerCase());
  return event ?? notFound('Event', param('eventId'));
}

export function oneDriveOf({ param }: Exchange, session: RestoreSession): OneDrive {
  return session.findOneDrive(param('oneDriveId')) ?? notFound('OneDrive', param('oneDriveId'));
}

export function folderOf({ param }: Exchange, session: RestoreSession, owner: OneDrive): Folder {
  const found = session.treeOf(owner).find(param('folderId'));
  return found?.kind === 'folder' ? found : notFound('Folder', param('folderId'));
}

export function documentOf({ param }: Exchange, session: RestoreSession, owner: OneDrive): Document {
  const found = session.treeOf(owner).find(param('documentId'));
  return found?.kind === 'document' ? found : notFound('Document', param('documentId'));
}

/**
 * `parentId` is a folder's id, or the version's word for the root; without it everything at every depth is meant. The word of other
 * versions is the id of no folder.
 */
export function itemsWithin(
  { query }: Exchange,
  session: RestoreSession,
  owner: OneDrive,
  root: 'null' | 'root',
): readonly Item[] {
  const tree = session.treeOf(owner);
  const parentId = query.get('parentid')?.toLowerCase();
  if (parentId === undefined) return tree.all();
  if (parentId === root) return tree.childrenOf(undefined);
  const parent = tree.find(parentId);
  return parent?.kind === 'folder' ? tree.childrenOf(parent.id) : notFound('Folder', parentId);
}

export function notFound(kind: string, id: string): never {
  throw new SandboxError(404, `${kind} '${id}' was not found.`);
}
