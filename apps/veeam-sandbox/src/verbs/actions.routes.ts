import { empty, json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { bulkAnswer, restoreAnswer } from '../http/blocking-restores.js';
import { credentialsIn } from '../http/credentials.js';
import { save, send } from '../http/deliveries.js';
import { Fields } from '../http/fields.js';
import { bulkOrder, carryOut, copyOrder, restoreOrder, type RestoreOrder } from '../http/orders.js';
import { oneDrivesNamed, selectionOf, type Asked, type Target } from '../http/selection.js';
import type { OneDrive } from '../world/organizations.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { oneDrive, oneDrives } from './catalog.routes.js';
import { bodyOf, doneStatus, officeRegions } from './members.js';
import { liveSessionOf } from './restore-sessions.routes.js';
import { isSince } from './verb-version.js';
import { atVersion } from './versions.js';
import { oneDriveToWire } from './wire.js';

type Action = (asked: Asked) => Answer | Promise<Answer>;

const actions: readonly (readonly [string, Action])[] = [
  ['restore', restore],
  ['copyTo', copy],
  ['send', (asked) => send(asked, ['veod'], doneStatus(asked.exchange))],
  ['save', save],
];

/** Each level has the four verbs. */
const levels: readonly (readonly [string, Target])[] = [
  [oneDrive, 'oneDrive'],
  [`${oneDrive}/Folders`, 'folders'],
  [`${oneDrive}/Folders/{folderId}`, 'folder'],
  [`${oneDrive}/Folders/{folderId}/Versions/{versionId}`, 'folder'],
  [`${oneDrive}/Documents`, 'documents'],
  [`${oneDrive}/Documents/{documentId}`, 'document'],
  [`${oneDrive}/Documents/{documentId}/Versions/{versionId}`, 'document'],
];

export const actionRoutes: readonly Route[] = [
  { method: 'POST', pattern: `${oneDrives}/restore`, handle: restoreOneDrives },
  ...levels.flatMap(([level, target]) =>
    actions.map(([verb, action]): Route => ({
      method: 'POST',
      pattern: `${level}/${verb}`,
      handle: (exchange) => act(exchange, target, verb, action),
    })),
  ),
];

async function act(exchange: Exchange, target: Target, verb: string, action: Action): Promise<Answer> {
  const session = liveSessionOf(exchange);
  // What can only be saved as a ZIP of all its content is saved without a body.
  const isBodiless = verb === 'save' && (target === 'oneDrive' || target === 'folder');
  const members = isBodiless ? new Fields({}, verb) : bodyOf(exchange);
  const versionId = exchange.param('versionId');
  const selection = selectionOf(exchange, session, target, members, (item) =>
    versionId === '' ? item : atVersion(item, versionId),
  );
  return session.during(async () => action({ exchange, target, selection, members }));
}

function restore(asked: Asked): Answer | Promise<Answer> {
  const { exchange, selection, members } = asked;
  const options = placeIn(members);
  const order = restoreOrder(asked, { credentials: credentialsIn(members), options });
  return isSince(exchange, 'v8') ? start(exchange, selection.session, order) : restoreAnswer(exchange, order);
}

function copy(asked: Asked): Answer | Promise<Answer> {
  const { exchange, selection, members } = asked;
  const isFollowed = isSince(exchange, 'v8');
  if (isFollowed) members.notNull('restorePermissions');
  const order = copyOrder(asked, credentialsIn, placeIn(members));
  return isFollowed ? start(exchange, selection.session, order) : restoreAnswer(exchange, order);
}

async function restoreOneDrives(exchange: Exchange): Promise<Answer> {
  const session = liveSessionOf(exchange);
  const members = bodyOf(exchange);
  const chosen = oneDrivesNamed(session, members);
  const isOnPremises = members.text('onpremisesUsername') !== undefined && members.text('officeUsername') === undefined;
  const user = isOnPremises
    ? { userName: 'onpremisesUsername', userPassword: 'onpremisesUserpassword' }
    : { userName: 'officeUsername', userPassword: 'officeUserpassword' };
  const credentials = credentialsIn(members, user);
  const order = bulkOrder(exchange, session, chosen, members, { credentials });
  if (isSince(exchange, 'v8')) return start(exchange, session, order);
  const toWire = (owned: OneDrive): object => oneDriveToWire(exchange, session, owned);
  return session.during(() => bulkAnswer(exchange, order, chosen, toWire));
}

/** From v8 on: answers at once with the session in which the work goes on. */
function start(exchange: Exchange, session: RestoreSession, { record, parts }: RestoreOrder): Answer {
  const { faults, world } = exchange;
  const accepted = exchange.accept(record);
  faults.breakOff('running');
  const restoring = world.sessions.start(session, async (own) => {
    try {
      await faults.pass('running');
      for (const part of parts) await carryOut(exchange, part, own);
      accepted.state = 'finished';
    } catch (error) {
      accepted.state = 'failed';
      throw error;
    }
  });
  accepted.restoreSessionId = restoring.id;
  return faults.get('outcome')?.emptyBody === true ? empty() : json({ sessionId: restoring.id });
}

/** Another region or organization than the backed-up one: understood and recorded; the world has no other. */
function placeIn(members: Fields): Readonly<Record<string, string>> {
  const officeRegion = members.choice('officeRegion', officeRegions);
  const organizationName = members.text('organizationName');
  return {
    ...(officeRegion === undefined ? {} : { officeRegion }),
    ...(organizationName === undefined ? {} : { organizationName }),
  };
}
