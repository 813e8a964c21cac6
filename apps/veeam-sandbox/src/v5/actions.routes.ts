import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { save, send } from '../http/deliveries.js';
import { Fields } from '../http/fields.js';
import { pageToWire } from '../http/links.js';
import { pageOf } from '../http/paging.js';
import { oneDrivesNamed, selectionOf, type Asked, type Target } from '../http/selection.js';
import { badRequest } from '../world/sandbox-error.js';
import { oneDrive, oneDrives } from './catalog.routes.js';
import { copy, restore, restoreOneDrives } from './restore.actions.js';
import { liveSessionOf } from './restore-sessions.routes.js';
import { itemToWire } from './wire.js';

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

type Action = (asked: Asked) => Answer | Promise<Answer>;

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['restoretooriginallocation', restore],
  ['copyto', copy],
  ['sendto', (asked) => send(asked, ['veod', 'vesp'], 200)],
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
  const known = target === 'oneDrive' ? actionsOnOneDrive : actions;
  const { name, members } = theOneAction(exchange.body, [...known.keys()]);
  const selection = selectionOf(exchange, session, target, members);
  const action = known.get(name);
  if (!action) throw badRequest(`Unknown action: ${name}`);
  return session.during(async () => action({ exchange, target, selection, members }));
}

/** Several OneDrives can only be restored. */
async function actOnOneDrives(exchange: Exchange): Promise<Answer> {
  const session = liveSessionOf(exchange);
  const { members } = theOneAction(exchange.body, ['restoretooriginallocation']);
  const chosen = oneDrivesNamed(session, members);
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

function search({ exchange, selection, members }: Asked): Answer {
  const { session, oneDrive: owner, tree } = selection;
  const found = tree.named(members.required('query'));
  const path = `restoresessions/${session.id}/organization/onedrives/${owner.id}/action`;
  const page = pageOf(found, exchange.query);
  return json(pageToWire(exchange, page, path, (item) => itemToWire(exchange, session, owner, item)));
}
