import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { Fields } from '../http/fields.js';
import { pageToWire } from '../http/links.js';
import { oneDriveOfUser, oneDrivesOfUser, organizationOf, userOf } from '../http/lookups.js';
import { momentOf } from '../http/moment.js';
import { pageOf } from '../http/paging.js';
import { badRequest, internalFailure } from '../world/sandbox-error.js';
import { organizationToWire, sessionToWire, userOneDriveToWire, userToWire } from './wire.js';

const users = 'Organizations/{organizationId}/Users';

export const organizationRoutes: readonly Route[] = [
  { method: 'GET', pattern: 'Organizations', handle: listOrganizations },
  { method: 'GET', pattern: 'Organizations/{organizationId}', handle: getOrganization },
  { method: 'POST', pattern: 'Organizations/{organizationId}/Action', handle: explore },
  { method: 'GET', pattern: users, handle: listUsers },
  { method: 'GET', pattern: `${users}/{userId}`, handle: getUser },
  { method: 'GET', pattern: `${users}/{userId}/OneDrives`, handle: listUserOneDrives },
  { method: 'GET', pattern: `${users}/{userId}/OneDrives/{oneDriveId}`, handle: getUserOneDrive },
];

/** A bare array, not a page. */
function listOrganizations(exchange: Exchange): Answer {
  return json(exchange.world.organizations.map((organization) => organizationToWire(exchange, organization)));
}

function getOrganization(exchange: Exchange): Answer {
  return json(organizationToWire(exchange, organizationOf(exchange)));
}

function explore(exchange: Exchange): Answer {
  const organization = organizationOf(exchange);
  const body = new Fields(exchange.body, 'explore');
  if (body.names().length !== 1 || !body.has('explore')) throw badRequest('Exactly one action is expected: explore');
  const options = body.object('explore') ?? new Fields({}, 'explore');
  const type = options.choice('type', ['Vex', 'Veod', 'Vesp', 'Vet']) ?? 'Veod';
  if (type !== 'Veod') throw internalFailure('Restore session cannot be created.');
  const session = exchange.world.sessions.open(organization, {
    moment: momentOf(options.text('dateTime')),
    showDeleted: options.flag('showDeleted') ?? false,
    showAllVersions: options.flag('showAllVersions') ?? false,
    initiatedBy: exchange.login,
  });
  return json(sessionToWire(exchange, session), 201);
}

/** Both filters match a part of the text. */
function listUsers(exchange: Exchange): Answer {
  const organization = organizationOf(exchange);
  const contains = (text: string, part: string | undefined): boolean =>
    part === undefined || text.toLowerCase().includes(part.toLowerCase());
  const found = organization.users.filter(
    ({ login, displayName, isInProduction }) =>
      isInProduction &&
      contains(login, exchange.query.get('username')) &&
      contains(displayName, exchange.query.get('displayname')),
  );
  const path = `organizations/${organization.id}/users`;
  const page = pageOf(found, exchange.query);
  return json(pageToWire(exchange, page, path, (user) => userToWire(exchange, organization, user)));
}

function getUser(exchange: Exchange): Answer {
  const organization = organizationOf(exchange);
  return json(userToWire(exchange, organization, userOf(exchange, organization)));
}

function listUserOneDrives(exchange: Exchange): Answer {
  const organization = organizationOf(exchange);
  const user = userOf(exchange, organization);
  const path = `organizations/${organization.id}/users/${encodeURIComponent(user.id)}/onedrives`;
  const page = pageOf(oneDrivesOfUser(organization, user), exchange.query);
  return json(pageToWire(exchange, page, path, (oneDrive) => userOneDriveToWire(exchange, organization, oneDrive)));
}

function getUserOneDrive(exchange: Exchange): Answer {
  const organization = organizationOf(exchange);
  const owned = oneDriveOfUser(exchange, organization, userOf(exchange, organization));
  return json(userOneDriveToWire(exchange, organization, owned));
}
