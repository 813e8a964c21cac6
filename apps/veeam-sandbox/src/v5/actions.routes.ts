import type { Answer, Exchange, Route } from '../http/api-version.js';
import { Fields } from '../http/fields.js';
import type { Selection } from '../world/item-restore.js';
import type { Item } from '../world/item-tree.js';
import { badRequest } from '../world/sandbox-error.js';
import { documentOf, folderOf, oneDrive, oneDriveOf, oneDrives } from './catalog.routes.js';
import { save, search, send } from './delivery.actions.js';
import { copy, restore, restoreOneDrives } from './restore.actions.js';
import { liveSessionOf } from './restore-sessions.routes.js';

/** The names of actions in a body, in lower case, and the words of the control API for them. */
export const actionWords: ReadonlyMap<string, string> = new Map([
  ['restoretooriginallocation', 'restore'],
  ['copyto', 'copy'],
  ['sendto', 'send'],
  ['save', 'save'],
  ['search', 'search'],
  ['explore', 'explore'],
  ['stop', 'stop'],
]);

/** What an Action URL names. */
export type Target = 'oneDrive' | 'folder' | 'folders' | 'document' | 'documents';

/** An action as asked for: on what, and with which members (undefined for `null`). */
export interface Asked {
  readonly exchange: Exchange;
  readonly target: Target;
  readonly selection: Selection;
  readonly members: Fields;
}

type Action = (asked: Asked) => Answer | Promise<Answer>;

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['restoretooriginallocation', restore],
  ['copyto', copy],
  ['sendto', send],
  ['save', save],
]);
const actionsOnOneDrive = new Map([...actions, ['search', search] as const]);

export const actionRoutes: readonly Route[] = [
  { method: 'POST', pattern: `${oneDrives}/Action`, handle: actOnOneDrives },
  { method: 'POST', pattern: `${oneDrive}/Action`, handle: (exchange) => act(exchange, 'oneDrive') },
  { method: 'POST', pattern: `${oneDrive}/Folders/Action`, handle: (exchange) => act(exchange, 'folders') },
  { method: 'POST', pattern: `${oneDrive}/Folders/{folderId}/Action`, handle: (exchange) => act(exchange, 'folder') },
  { method: 'POST', pattern: `${oneDrive}/Documents/Action`, handle: (exchange) => act(exchange, 'documents') },
  {
    method: 'POST',
    pattern: `${oneDrive}/Documents/{documentId}/Action`,
    handle: (exchange) => act(exchange, 'document'),
  },
];

async function act(exchange: Exchange, target: Target): Promise<Answer> {
  const session = liveSessionOf(exchange);
  const owner = oneDriveOf(exchange, session);
  const known = target === 'oneDrive' ? actionsOnOneDrive : actions;
  const { name, members } = theOneAction(exchange.body, [...known.keys()]);
  const tree = session.treeOf(owner);
  const chosen = ((): readonly Item[] => {
    switch (target) {
      case 'oneDrive':
        return tree.childrenOf(undefined);
      case 'folder':
        return [folderOf(exchange, session, owner)];
      case 'document':
        return [documentOf(exchange, session, owner)];
      case 'folders':
      case 'documents':
        return named(members, target, (id) => tree.find(id));
    }
  })();
  const title = target === 'oneDrive' || target.endsWith('s') ? owner.name : (chosen[0]?.name ?? owner.name);
  const selection = { session, oneDrive: owner, tree, chosen, title };
  const action = known.get(name);
  if (!action) throw badRequest(`Unknown action: ${name}`);
  return session.during(async () => action({ exchange, target, selection, members }));
}

/** Several OneDrives can only be restored. */
async function actOnOneDrives(exchange: Exchange): Promise<Answer> {
  const session = liveSessionOf(exchange);
  const { members } = theOneAction(exchange.body, ['restoretooriginallocation']);
  const chosen = members.list('oneDrives').map((one) => {
    const found = session.findOneDrive(one.required('id'));
    if (!found) throw badRequest(`OneDrive '${one.required('id')}' was not found.`);
    return found;
  });
  if (chosen.length === 0) throw badRequest('Missing mandatory parameters: oneDrives');
  return session.during(() => restoreOneDrives(exchange, session, chosen, members));
}

/** A body must hold exactly one action; members that are none are passed over. */
function theOneAction(body: unknown, known: readonly string[]): { name: string; members: Fields } {
  const fields = new Fields(body, 'action');
  const given = fields.names().filter((name) => actionWords.has(name));
  const [name] = given;
  if (given.length !== 1 || name === undefined) throw badRequest('Exactly one action is expected.');
  if (!known.includes(name)) throw badRequest(`The action is not supported for this resource: ${name}`);
  return { name, members: fields.object(name) ?? new Fields({}, name) };
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
