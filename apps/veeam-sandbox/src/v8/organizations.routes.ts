import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { oneDriveOfUser, oneDrivesOfUser, organizationOf, userOf } from '../http/lookups.js';
import { isoMomentOf } from '../http/moment.js';
import type { User } from '../world/organizations.js';
import { internalFailure } from '../world/sandbox-error.js';
import { bodyOf, queryOf } from './members.js';
import { keptPageAnswer, pageAnswer } from './pages.js';
import { organizationToWire, sessionToWire, userOneDriveToWire, userToWire } from './wire.js';

const organization = 'Organizations/{organizationId}';
const user = `${organization}/Users/{userId}`;

export const organizationRoutes: readonly Route[] = [
  { method: 'GET', pattern: 'Organizations', handle: listOrganizations },
  { method: 'GET', pattern: organization, handle: getOrganization },
  { method: 'POST', pattern: `${organization}/explore`, handle: explore },
  { method: 'GET', pattern: `${organization}/Users`, handle: listUsers },
  { method: 'GET', pattern: user, handle: getUser },
  { method: 'GET', pattern: `${user}/OneDrives`, handle: listUserOneDrives },
  { method: 'GET', pattern: `${user}/OneDrives/{onedriveId}`, handle: getUserOneDrive },
];

function listOrganizations(exchange: Exchange): Answer {
  const query = queryOf(exchange);
  const isExtended = query.flag('extendedView') ?? false;
  const [msid, backedUpId] = [query.text('msid'), query.text('backedUpOrganizationId')];
  const found = exchange.world.organizations.filter(
    (one) =>
      (msid === undefined || one.msid === msid.toLowerCase()) &&
      (backedUpId === undefined || one.backedUpId === backedUpId.toLowerCase()),
  );
  return pageAnswer(exchange, found, 'Organizations', (one) => organizationToWire(exchange, one, isExtended));
}

function getOrganization(exchange: Exchange): Answer {
  const isExtended = queryOf(exchange).flag('extendedView') ?? false;
  return json(organizationToWire(exchange, organizationOf(exchange), isExtended));
}

function explore(exchange: Exchange): Answer {
  const found = organizationOf(exchange);
  const options = bodyOf(exchange);
  const type = options.choice('type', ['Vex', 'Veod', 'Vesp', 'Vet']) ?? 'Veod';
  if (type !== 'Veod') throw internalFailure('Restore session cannot be created.');
  const session = exchange.world.sessions.open(found, {
    moment: isoMomentOf(options.text('dateTime')),
    showDeleted: options.flag('showDeleted') ?? false,
    showAllVersions: options.flag('showAllVersions') ?? false,
    initiatedBy: exchange.login,
  });
  return json(sessionToWire(exchange, session), 201);
}

const locations: Readonly<Record<string, readonly User['locationType'][]>> = {
  Cloud: ['Cloud'],
  OnPremises: ['OnPremises'],
  Hybrid: ['Hybrid'],
  CloudOrHybrid: ['Cloud', 'Hybrid'],
  OnPremisesOrHybrid: ['OnPremises', 'Hybrid'],
  Any: ['Cloud', 'OnPremises', 'Hybrid'],
};

/** `userName` matches a part of the login, `displayName` the whole name, with wildcards. */
function listUsers(exchange: Exchange): Answer {
  const found = organizationOf(exchange);
  const query = queryOf(exchange);
  const userName = query.text('userName')?.toLowerCase() ?? '';
  const displayName = query.text('displayName');
  const location = query.choice('locationFilter', Object.keys(locations)) ?? 'Any';
  query.choice('dataSource', ['PreferLocal', 'Production', 'PreferLocalResynced']);
  const isEducation = query.choice('detectedSkuType', ['Other', 'Education']) === 'Education';
  const named = displayName === undefined ? undefined : wildcards(displayName);
  const list = (): User[] =>
    found.users.filter(
      (one) =>
        one.isInProduction &&
        !isEducation &&
        one.login.toLowerCase().includes(userName) &&
        (named?.test(one.displayName) ?? true) &&
        locations[location]?.includes(one.locationType) === true,
    );
  const path = `Organizations/${found.id}/Users`;
  return keptPageAnswer(exchange, list, path, (one) => userToWire(exchange, found, one));
}

function wildcards(text: string): RegExp {
  const pattern = text.replace(/[\\^$.*+?()[\]{}|]/g, (sign) =>
    sign === '*' ? '.*' : sign === '?' ? '.' : `\\${sign}`,
  );
  return new RegExp(`^${pattern}$`, 'isu');
}

function getUser(exchange: Exchange): Answer {
  const found = organizationOf(exchange);
  return json(userToWire(exchange, found, userOf(exchange, found)));
}

function listUserOneDrives(exchange: Exchange): Answer {
  const found = organizationOf(exchange);
  const owner = userOf(exchange, found);
  const path = `Organizations/${found.id}/Users/${encodeURIComponent(owner.id)}/OneDrives`;
  const list = () => oneDrivesOfUser(found, owner);
  return keptPageAnswer(exchange, list, path, (owned) => userOneDriveToWire(exchange, found, owned));
}

function getUserOneDrive(exchange: Exchange): Answer {
  const found = organizationOf(exchange);
  const owned = oneDriveOfUser(exchange, found, userOf(exchange, found));
  return json(userOneDriveToWire(exchange, found, owned));
}
