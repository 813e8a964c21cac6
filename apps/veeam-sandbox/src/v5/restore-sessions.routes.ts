import { empty, json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { Fields } from '../http/fields.js';
import { link, pageToWire } from '../http/links.js';
import { eventOf } from '../http/lookups.js';
import { issueDeviceCode } from '../http/device-codes.js';
import { pageOf } from '../http/paging.js';
import { badRequest, internalFailure } from '../world/sandbox-error.js';
import type { RestoreSession } from '../world/restore-sessions.js';
import { eventToWire, sessionToWire } from './wire.js';

const session = 'RestoreSessions/{restoreSessionId}';

export const restoreSessionRoutes: readonly Route[] = [
  { method: 'GET', pattern: 'RestoreSessions', handle: listSessions },
  { method: 'GET', pattern: session, handle: getSession },
  { method: 'POST', pattern: `${session}/Action`, handle: stop },
  { method: 'GET', pattern: `${session}/Organization`, handle: getSessionOrganization },
  { method: 'GET', pattern: `${session}/Events`, handle: listEvents },
  { method: 'GET', pattern: `${session}/Events/{eventId}`, handle: getEvent },
  { method: 'POST', pattern: `${session}/Organization/restoreDeviceCode`, handle: restoreDeviceCode },
];

/** The session of a request that reads it or stops it, dead or alive. */
export function anySessionOf({ world, param }: Exchange): RestoreSession {
  const found = world.sessions.find(param('restoreSessionId'));
  if (!found) throw badRequest(`Restore session '${param('restoreSessionId')}' is not found.`);
  return found;
}

/** The session of a request that looks into it or works with it. Dead and unknown ones fail inside upstream, with 500. */
export function liveSessionOf({ world, param }: Exchange): RestoreSession {
  const found = world.sessions.find(param('restoreSessionId'));
  if (found?.isOpen !== true) throw internalFailure('The restore session is not found or has been stopped.');
  found.touch();
  return found;
}

function listSessions(exchange: Exchange): Answer {
  const own = exchange.world.sessions.all().filter(({ options }) => options.initiatedBy === exchange.login);
  const page = pageOf(own, exchange.query);
  return json(pageToWire(exchange, page, 'restoresessions', (found) => sessionToWire(exchange, found)));
}

function getSession(exchange: Exchange): Answer {
  const found = anySessionOf(exchange);
  found.look();
  return json(sessionToWire(exchange, found));
}

function stop(exchange: Exchange): Answer {
  const found = anySessionOf(exchange);
  const body = new Fields(exchange.body, 'stop');
  if (body.names().length !== 1 || !body.has('stop')) throw badRequest('Exactly one action is expected: stop');
  found.stop();
  return empty();
}

function getSessionOrganization(exchange: Exchange): Answer {
  const { id, organization } = liveSessionOf(exchange);
  const self = link(exchange.base, 'restoresessions', id, 'organization');
  return json({
    id: organization.id,
    name: organization.name,
    type: 'Office365',
    _links: { self, onedrives: link(self.href, 'onedrives') },
  });
}

function listEvents(exchange: Exchange): Answer {
  const found = anySessionOf(exchange);
  const page = pageOf(found.events, exchange.query);
  const path = `restoresessions/${found.id}/events`;
  return json(pageToWire(exchange, page, path, (event) => eventToWire(exchange, found, event)));
}

function getEvent(exchange: Exchange): Answer {
  const found = anySessionOf(exchange);
  return json(eventToWire(exchange, found, eventOf(exchange, found)));
}

function restoreDeviceCode(exchange: Exchange): Answer {
  const found = liveSessionOf(exchange);
  return issueDeviceCode(exchange, found, new Fields(exchange.body, 'restoreDeviceCode'));
}
