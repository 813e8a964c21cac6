import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { issueDeviceCode } from '../http/device-codes.js';
import { link } from '../http/links.js';
import { eventOf, notFound } from '../http/lookups.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { badRequest, internalFailure } from '../world/sandbox-error.js';
import { bodyOf, doneAnswer, officeRegions, queryOf } from './members.js';
import { pageAnswer } from './pages.js';
import { statisticsToWire } from './statistics.js';
import { isSince } from './verb-version.js';
import { eventToWire, sessionToWire } from './wire.js';

const session = 'RestoreSessions/{restoreSessionId}';

export const restoreSessionRoutes: readonly Route[] = [
  { method: 'GET', pattern: 'RestoreSessions', handle: listSessions },
  { method: 'GET', pattern: session, handle: getSession },
  { method: 'POST', pattern: `${session}/Stop`, handle: stop },
  { method: 'GET', pattern: `${session}/Statistics`, handle: getStatistics },
  { method: 'GET', pattern: `${session}/Events`, handle: listEvents },
  { method: 'GET', pattern: `${session}/Events/{eventId}`, handle: getEvent },
  { method: 'GET', pattern: `${session}/organization`, handle: getSessionOrganization },
  { method: 'POST', pattern: `${session}/organization/restoreDeviceCode`, handle: restoreDeviceCode },
];

/** The session of a request that reads it or stops it, dead or alive. */
function anySessionOf({ world, param }: Exchange): RestoreSession {
  return world.sessions.find(param('restoreSessionId')) ?? notFound('Restore session', param('restoreSessionId'));
}

/** The session of a request that looks into it or works with it, which dead ones and running restores do not allow. */
export function liveSessionOf(exchange: Exchange): RestoreSession {
  const found = anySessionOf(exchange);
  if (!found.isOpen) throw internalFailure('The restore session is not found or has been stopped.');
  found.touch();
  return found;
}

/** Up to v7 newest first and filtered by their start only. */
function listSessions(exchange: Exchange): Answer {
  const known = [...exchange.query].filter(([name]) => isSince(exchange, 'v8') || name.startsWith('starttime'));
  const query = queryOf({ query: new Map(known) });
  const isAscending = query.flag('orderAsc') ?? false;
  const orderBy = query.choice('orderBy', ['CreationTime', 'EndTime']) ?? 'CreationTime';
  const moment = (name: string): number | undefined => {
    const text = query.text(name);
    if (text === undefined) return undefined;
    const time = Date.parse(text);
    if (Number.isNaN(time)) throw badRequest(`The value of the parameter is invalid: ${name}`);
    return time;
  };
  const within = (time: Date | undefined, from: number | undefined, to: number | undefined): boolean =>
    (from === undefined && to === undefined) ||
    (time !== undefined && time.getTime() >= (from ?? -Infinity) && time.getTime() <= (to ?? Infinity));
  const [startFrom, startTo] = [moment('startTimeFrom'), moment('startTimeTo')];
  const [endFrom, endTo] = [moment('endTimeFrom'), moment('endTimeTo')];
  const timeOf = (one: RestoreSession): number =>
    orderBy === 'CreationTime' ? one.createdAt.getTime() : (one.stoppedAt?.getTime() ?? Infinity);
  const found = exchange.world.sessions
    .all()
    .filter(({ options }) => options.initiatedBy === exchange.login)
    .filter((one) => within(one.createdAt, startFrom, startTo) && within(one.stoppedAt, endFrom, endTo))
    .sort((a, b) => Math.sign(timeOf(b) - timeOf(a)) || 0);
  if (isAscending) found.reverse();
  return pageAnswer(exchange, found, 'RestoreSessions', (one) => sessionToWire(exchange, one));
}

function getSession(exchange: Exchange): Answer {
  const found = anySessionOf(exchange);
  found.look();
  return json(sessionToWire(exchange, found));
}

function stop(exchange: Exchange): Answer {
  anySessionOf(exchange).stop();
  return doneAnswer(exchange);
}

function getStatistics(exchange: Exchange): Answer {
  return json(statisticsToWire(anySessionOf(exchange)));
}

function getSessionOrganization(exchange: Exchange): Answer {
  const { id, organization } = anySessionOf(exchange);
  const self = link(exchange.base, 'RestoreSessions', id, 'organization');
  const onedrives = link(exchange.base, 'RestoreSessions', id, 'Organization', 'OneDrives');
  return json({ id: organization.id, name: organization.name, type: 'Office365', _links: { self, onedrives } });
}

function listEvents(exchange: Exchange): Answer {
  const found = anySessionOf(exchange);
  const path = `RestoreSessions/${found.id}/Events`;
  return pageAnswer(exchange, found.events, path, (event) => eventToWire(exchange, found, event));
}

function getEvent(exchange: Exchange): Answer {
  const found = anySessionOf(exchange);
  return json(eventToWire(exchange, found, eventOf(exchange, found)));
}

/** Region and organization name are for another place than the original one; the world has only that. */
function restoreDeviceCode(exchange: Exchange): Answer {
  const found = liveSessionOf(exchange);
  const members = bodyOf(exchange);
  members.choice('targetRegion', officeRegions);
  members.text('targetOrganizationName');
  return issueDeviceCode(exchange, found, members);
}
