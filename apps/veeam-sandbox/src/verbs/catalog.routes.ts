import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { documentOf, folderOf, itemsWithin, oneDriveOf } from '../http/lookups.js';
import type { Item } from '../world/item-tree.js';
import type { OneDrive } from '../world/organizations.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { bodyOf, queryOf } from './members.js';
import { keptPageAnswer, pageAnswer } from './pages.js';
import { liveSessionOf } from './restore-sessions.routes.js';
import { isSince } from './verb-version.js';
import { atVersion, versionsOf } from './versions.js';
import { itemToWire, oneDriveToWire } from './wire.js';

export const oneDrives = 'RestoreSessions/{restoreSessionId}/Organization/OneDrives';
export const oneDrive = `${oneDrives}/{oneDriveId}`;
const folder = `${oneDrive}/Folders/{folderId}`;
const document = `${oneDrive}/Documents/{documentId}`;

export const catalogRoutes: readonly Route[] = [
  { method: 'GET', pattern: oneDrives, handle: listOneDrives },
  { method: 'GET', pattern: oneDrive, handle: getOneDrive },
  { method: 'GET', pattern: `${oneDrive}/Folders`, handle: (exchange) => listItems(exchange, 'Folders') },
  { method: 'GET', pattern: folder, handle: (exchange) => getItem(exchange, folderOf) },
  { method: 'GET', pattern: `${folder}/Versions`, handle: (exchange) => listVersions(exchange, folderOf, 'Folders') },
  { method: 'GET', pattern: `${folder}/Versions/{versionId}`, handle: (exchange) => getItem(exchange, folderOf) },
  { method: 'GET', pattern: `${oneDrive}/Documents`, handle: (exchange) => listItems(exchange, 'Documents') },
  { method: 'GET', pattern: document, handle: (exchange) => getItem(exchange, documentOf) },
  {
    method: 'GET',
    pattern: `${document}/Versions`,
    handle: (exchange) => listVersions(exchange, documentOf, 'Documents'),
  },
  { method: 'GET', pattern: `${document}/Versions/{versionId}`, handle: (exchange) => getItem(exchange, documentOf) },
  { method: 'POST', pattern: `${oneDrives}/search`, handle: searchAll },
  { method: 'POST', pattern: `${oneDrive}/search`, handle: searchOneDrive },
  { method: 'POST', pattern: `${folder}/search`, handle: searchFolder },
];

type Find = (exchange: Exchange, session: RestoreSession, owner: OneDrive) => Item;

function pathOf(session: RestoreSession, ...segments: string[]): string {
  return ['RestoreSessions', session.id, 'Organization', 'OneDrives', ...segments].join('/');
}

function listOneDrives(exchange: Exchange): Answer {
  const session = liveSessionOf(exchange);
  return pageAnswer(exchange, session.oneDrives, pathOf(session), (one) => oneDriveToWire(exchange, session, one));
}

function getOneDrive(exchange: Exchange): Answer {
  const session = liveSessionOf(exchange);
  return json(oneDriveToWire(exchange, session, oneDriveOf(exchange, session)));
}

function listItems(exchange: Exchange, what: 'Folders' | 'Documents'): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  const mayMix = isSince(exchange, 'v7');
  const root = isSince(exchange, 'v7') ? 'root' : 'null';
  const withFolders = what === 'Folders' || (mayMix && (queryOf(exchange).flag('includeFolders') ?? false));
  const found = itemsWithin(exchange, session, owner, root).filter(({ kind }) =>
    kind === 'folder' ? withFolders : what === 'Documents',
  );
  const path = pathOf(session, owner.id, what);
  return pageAnswer(exchange, found, path, (item) => itemToWire(exchange, session, owner, item));
}

/** As it is, or as the version was that the path or the query names. */
function getItem(exchange: Exchange, find: Find): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  const item = find(exchange, session, owner);
  const versionId = exchange.param('versionId') || exchange.query.get('versionid');
  const found = versionId === undefined ? item : atVersion(item, versionId);
  return json(itemToWire(exchange, session, owner, found));
}

/** The previous ones, newest first. */
function listVersions(exchange: Exchange, find: Find, what: 'Folders' | 'Documents'): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  const item = find(exchange, session, owner);
  const previous = item.kind === 'document' ? versionsOf(item).slice(0, -1).reverse() : [];
  const path = pathOf(session, owner.id, what, item.id, 'Versions');
  return pageAnswer(exchange, previous, path, (version) => itemToWire(exchange, session, owner, version));
}

interface Found {
  readonly owner: OneDrive;
  readonly item: Item;
}

function searchAll(exchange: Exchange): Answer {
  const session = liveSessionOf(exchange);
  return searchAnswer(exchange, session, pathOf(session, 'search'), (query) =>
    session.oneDrives.flatMap((owner) =>
      session
        .treeOf(owner)
        .named(query)
        .map((item) => ({ owner, item })),
    ),
  );
}

function searchOneDrive(exchange: Exchange): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  return searchAnswer(exchange, session, pathOf(session, owner.id, 'search'), (query) =>
    session
      .treeOf(owner)
      .named(query)
      .map((item) => ({ owner, item })),
  );
}

function searchFolder(exchange: Exchange): Answer {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  const within = folderOf(exchange, session, owner);
  const tree = session.treeOf(owner);
  return searchAnswer(exchange, session, pathOf(session, owner.id, 'Folders', within.id, 'search'), (query) => {
    const inside = new Set(tree.below(within).slice(1));
    return tree
      .named(query)
      .filter((item) => inside.has(item))
      .map((item) => ({ owner, item }));
  });
}

function searchAnswer(
  exchange: Exchange,
  session: RestoreSession,
  path: string,
  find: (query: string) => Found[],
): Answer {
  const query = bodyOf(exchange).required('query');
  const itemType = queryOf(exchange).choice('itemType', ['All', 'Folders', 'Documents']) ?? 'All';
  const list = (): Found[] =>
    find(query).filter(({ item }) => itemType === 'All' || itemType.startsWith(kinds[item.kind]));
  return keptPageAnswer(exchange, list, path, ({ owner, item }) => itemToWire(exchange, session, owner, item));
}

const kinds = { folder: 'Folders', document: 'Documents' } as const;
