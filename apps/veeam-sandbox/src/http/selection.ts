import type { Selection } from '../world/item-restore.js';
import type { Document, Item } from '../world/item-tree.js';
import type { OneDrive } from '../world/organizations.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { badRequest } from '../world/sandbox-error.js';
import type { Exchange } from './api-version.js';
import type { Fields } from './fields.js';
import { documentOf, folderOf, oneDriveOf } from './lookups.js';

/** What the URL of an action names. */
export type Target = 'oneDrive' | 'folder' | 'folders' | 'document' | 'documents';

/** An action as asked for: on what, and with which members. */
export interface Asked {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly selection: Selection;
  readonly members: Fields;
}

/** @param atVersion picks a version of what a path with one names. */
export function selectionOf(
  exchange: Exchange,
  session: RestoreSession,
  target: Target,
  members: Fields,
  atVersion: (item: Item) => Item = (item) => item,
): Selection {
  const oneDrive = oneDriveOf(exchange, session);
  const tree = session.treeOf(oneDrive);
  const chosen = ((): readonly Item[] => {
    switch (target) {
      case 'oneDrive':
        return tree.childrenOf(undefined);
      case 'folder':
        return [atVersion(folderOf(exchange, session, oneDrive))];
      case 'document':
        return [atVersion(documentOf(exchange, session, oneDrive))];
      case 'folders':
      case 'documents':
        return named(members, target, (id) => tree.find(id));
    }
  })();
  const title = target === 'folder' || target === 'document' ? chosen[0]?.name : undefined;
  return { session, oneDrive, tree, chosen, title: title ?? oneDrive.name };
}

/** The OneDrives that a bulk restore names. */
export function oneDrivesNamed(session: RestoreSession, members: Fields): OneDrive[] {
  const named = members.list('oneDrives').map((one) => {
    const found = session.findOneDrive(one.required('id'));
    if (!found) throw badRequest(`OneDrive '${one.required('id')}' was not found.`);
    return found;
  });
  if (named.length === 0) throw badRequest('Missing mandatory parameters: oneDrives');
  return named;
}

/** The document, where it is the only thing named and may come as it is. */
export function onlyDocument(target: Target, { chosen: [only] }: Selection): Document | undefined {
  return target === 'document' && only?.kind === 'document' ? only : undefined;
}

/** How an action is recorded. */
export function factsOf({ session, oneDrive, chosen }: Selection, target: Target) {
  return {
    organizationId: session.organization.id,
    sessionId: session.id,
    oneDriveId: oneDrive.id,
    owner: oneDrive.owner.login,
    items: target === 'oneDrive' ? [] : chosen.map(({ path }) => path),
  };
}

/** The elements of `folders` or `documents`; clients send their ids only. */
function named(members: Fields, list: 'folders' | 'documents', find: (id: string) => Item | undefined): Item[] {
  const elements = members.list(list);
  if (elements.length === 0) throw badRequest(`Missing mandatory parameters: ${list}`);
  return elements.map((element) => {
    const found = find(element.required('id'));
    if (found && `${found.kind}s` === list) return found;
    throw badRequest(`The item '${element.required('id')}' was not found.`);
  });
}
