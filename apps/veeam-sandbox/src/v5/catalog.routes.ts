import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { pageOf } from '../http/paging.js';
import type { Document, Folder, Item } from '../world/item-tree.js';
import type { OneDrive } from '../world/organizations.js';
import { SandboxError } from '../world/sandbox-error.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { liveSessionOf } from './restore-sessions.routes.js';
import { itemToWire, oneDriveToWire, pageToWire } from './wire.js';

export const oneDrives = 'RestoreSessions/{restoreSessionId}/Organization/OneDrives';
export const oneDrive = `${oneDrives}/{oneDriveId}`;

export const catalogRoutes: readonly Route[] = [
  { method: 'GET', pattern: oneDrives, handle: listOneDrives },
  { method: 'GET', pattern: oneDrive, handle: getOneDrive },
  { method: 'GET', pattern: `${oneDrive}/Folders`, handle: (exchange) => listItems(exchange, 'folder') },
  { method: 'GET', pattern: `${oneDrive}/Folders/{folderId}`, handle: (exchange) => getItem(exchange, folderOf) },
  { method: 'GET', pattern: `${oneDrive}/Documents`, handle: (exchange) => listItems(exchange, 'document') },
  { method: 'GET', pattern: `${oneDrive}/Documents/{documentId}`, handle: (exchange) => getItem(exchange, documentOf) },
];

export function oneDriveOf({ param }: Exchange, session: RestoreSession): OneDrive {
  const found = session.findOneDrive(param('oneDriveId'));
  if (!found) throw new SandboxError(404, `OneDrive '${param('oneDriveId')}' was not found.`);
  return found;
}

export function folderOf({ param }: Exchange, session: RestoreSession, owner: OneDrive): Folder {
  const found = session.treeOf(owner).find(param('folderId'));
  if (found?.kind !== 'folder') throw new SandboxError(404, `Folder '${param('folderId')}' was not found.`);
  return found;
}

export function documentOf({ param }: Exchange, session: RestoreSession, owner: OneDrive): Document {
  const found = session.treeOf(owner).find(param('documentId'));
  if (found?.kind !== 'document') throw new SandboxError(404, `Document '${param('documentId')}' was not found.`);
  return found;
}

function listOneDrives(exchange: Exchange): Answer {
  const session = liveSessionOf(exchange);
  const page = pageOf(session.oneDrives, exchange.query);
  const path = `restoresessions/${session.id}/organization/onedrives`;
  return json(pageToWire(exchange, page, path, (found) => oneDriveToWire(exchange, session, found)));
}

function getOneDrive(exchange: Exchange): Answer {
  const session = liveSessionOf(exchange);
  return json(oneDriveToWire(exchange, session, oneDriveOf(exchange, session)));
}

function listItems(exchange: Exchange, kind: Item['kind']): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  const found = within(exchange, session, owner).filter((item) => item.kind === kind);
  const path = `restoresessions/${session.id}/organization/onedrives/${owner.id}/${kind}s`;
  const page = pageOf(found, exchange.query);
  return json(pageToWire(exchange, page, path, (item) => itemToWire(exchange, session, owner, item)));
}

/** `parentId` is a folder's id, or a marker for the root; without it everything at every depth is meant. */
function within({ query }: Exchange, session: RestoreSession, owner: OneDrive): readonly Item[] {
  const tree = session.treeOf(owner);
  const parentId = query.get('parentid')?.toLowerCase();
  if (parentId === undefined) return tree.all();
  if (parentId === 'null' || parentId === 'root') return tree.childrenOf(undefined);
  const parent = tree.find(parentId);
  if (parent?.kind !== 'folder') throw new SandboxError(404, `Folder '${parentId}' was not found.`);
  return tree.childrenOf(parent.id);
}

function getItem(
  exchange: Exchange,
  find: (exchange: Exchange, session: RestoreSession, owner: OneDrive) => Item,
): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  return json(itemToWire(exchange, session, owner, find(exchange, session, owner)));
}
