import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { oneDriveOfUser, oneDrivesOfUser, organizationOf, userOf } from '../http/lookups.js';
import { isoMomentOf } from '../http/moment.js';
import type { Organization, User } from '../world/organizations.js';
import { internalFailure } from '../world/sandbox-error.js';
import { bodyOf, queryOf } from './members.js';
import { keptPageAnswer, pageAnswer } from './pages.js';
import { isSince } from './verb-version.js';
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

/** Up to v7 a bare array, of all. */
function listOrganizations(exchange: Exchange): Answer {
  const { organizations } = exchange.world;
  const toWire = (one: Organization): object => organizationToWire(exchange, one, isExtended(exchange));
  if (!isSince(exchange, 'v8')) return json(organizations.map(toWire));
  const query = queryOf(exchange);
  const [msid, backedUpId] = [query.text('msid'), query.text('backedUpOrganizationId')];
  const found = organizations.filter(
    (one) =>
      (msid === undefined || one.msid === msid.toLowerCase()) &&
      (backedUpId === undefined || one.backedUpId === backedUpId.toLowerCase()),
  );
  return pageAnswer(exchange, found, 'Organizations', toWire);
}

/** With what only the proxy knows: from v7 on that must be asked for. */
function isExtended(exchange: Exchange): boolean {
  return queryOf(exchange).flag('extendedView') ?? !isSince(exchange, 'v7');
}

function getOrganization(exchange: Exchange): Answer {
  return json(organizationToWire(exchange, organizationOf(exchange), isExtended(exchange)));
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
  return json(sessionToWire(exchange, session), isSince(exchange, 'v8') ? 201 : 200);
}

const locations: Readonly<Record<string, readonly User['locationType'][]>> = {
  Cloud: ['Cloud'],
  OnPremises: ['OnPremises'],
  Hybrid: ['Hybrid'],
  CloudOrHybrid: ['Cloud', 'Hybrid'],
  OnPremisesOrHybrid: ['OnPremises', 'Hybrid'],
  Any: ['Cloud', 'OnPremises', 'Hybrid'],
};

/** `userName` matches a part of the login, `displayName` the whole name, from v8 on with wildcards. */
function listUsers(exchange: Exchange): Answer {
  const found = organizationOf(exchange);
  const query = queryOf(exchange);
  const userName = query.text('userName')?.toLowerCase() ?? '';
  const displayName = query.text('displayName');
  const location = query.choice('locationFilter', Object.keys(locations)) ?? 'Any';
  if (isSince(exchange, 'v7')) query.choice('dataSource', ['PreferLocal', 'Production', 'PreferLocalResynced']);
  const hasSkus = isSince(exchange, 'v8');
  const isEducation = hasSkus && query.choice('detectedSkuType', ['Other', 'Education']) === 'Education';
  const named = displayName === undefined ? undefined : matching(displayName, isSince(exchange, 'v8'));
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

function matching(text: string, hasWildcards: boolean): RegExp {
  const pattern = text.replace(/[\\^$.*+?()[\]{}|]/g, (sign) =>
    hasWildcards && sign === '*' ? '.*' : hasWildcards && sign === '?' ? '.' : `\\${sign}`,
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
