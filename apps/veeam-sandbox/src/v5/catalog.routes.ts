import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { pageToWire } from '../http/links.js';
import { documentOf, folderOf, itemsWithin, oneDriveOf } from '../http/lookups.js';
import { pageOf } from '../http/paging.js';
import type { Item } from '../world/item-tree.js';
import type { OneDrive } from '../world/organizations.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { liveSessionOf } from './restore-sessions.routes.js';
import { itemToWire, oneDriveToWire } from './wire.js';

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
  const found = itemsWithin(exchange, session, owner, 'null').filter((item) => item.kind === kind);
  const path = `restoresessions/${session.id}/organization/onedrives/${owner.id}/${kind}s`;
  const page = pageOf(found, exchange.query);
  return json(pageToWire(exchange, page, path, (item) => itemToWire(exchange, session, owner, item)));
}

function getItem(
  exchange: Exchange,
  find: (exchange: Exchange, session: RestoreSession, owner: OneDrive) => Item,
): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  return json(itemToWire(exchange, session, owner, find(exchange, session, owner)));
}
