import type { Exchange } from '../http/api-version.js';
import { link } from '../http/links.js';
import { durationOf, longTime } from '../http/times.js';
import { guidOf } from '../world/deterministic-id.js';
import type { EmailSettings } from '../world/email.js';
import type { Item } from '../world/item-tree.js';
import type { OneDrive, Organization, User } from '../world/organizations.js';
import type { RestoreSession, SessionEvent } from '../world/restore-sessions.js';
import { isSince } from './verb-version.js';
import { folderVersion, versionIdOf } from './versions.js';

/* The shapes of the answers: camelCase names, Pascal-case enum values, relative links in the spelling of the specification. */

/** @param isExtended with what only the proxy knows. */
export function organizationToWire(exchange: Exchange, organization: Organization, isExtended: boolean): object {
  const { id, name, msid, backedUpId, firstBackupAt, lastBackupAt } = organization;
  const self = link(exchange.base, 'Organizations', id);
  return {
    type: 'Office365',
    id,
    name,
    officeName: name,
    ...(isSince(exchange, 'v7') && { description: null }),
    region: 'Worldwide',
    isExchangeOnline: true,
    isSharePointOnline: true,
    isTeamsOnline: false,
    ...(isExtended && {
      isBackedup: firstBackupAt !== undefined,
      ...(firstBackupAt && { firstBackuptime: longTime(firstBackupAt, 'Z') }),
      ...(lastBackupAt && { lastBackuptime: longTime(lastBackupAt, 'Z') }),
    }),
    ...(isSince(exchange, 'v8') && { msid, backedUpOrganizationId: backedUpId }),
    _links: { self, users: link(self.href, 'Users') },
  };
}

export function userToWire(exchange: Exchange, organization: Organization, user: User): object {
  const { base } = exchange;
  const self = link(base, 'Organizations', organization.id, 'Users', encodeURIComponent(user.id));
  const isCloud = user.objectId !== undefined;
  return {
    id: user.id,
    ...(user.locationType !== 'Cloud' && isSince(exchange, 'v7') && { onPremisesSid: user.id.slice(72) }),
    displayName: user.displayName,
    name: user.login,
    type: 'User',
    locationType: user.locationType,
    ...(isSince(exchange, 'v7') && { office: '' }),
    ...(isSince(exchange, 'v8') && {
      eTag: 1,
      assignedLicenses: isCloud ? [license] : [],
      msid: user.objectId ?? null,
      dataLocation: null,
    }),
    _links: {
      self,
      organization: link(base, 'Organizations', organization.id),
      onedrives: link(self.href, 'OneDrives'),
    },
  };
}

const license = { skuId: guidOf('sku'), skuPartNumber: 'ENTERPRISEPACK', detectedSkuType: 'Other' };

/** A OneDrive in production, below its user. */
export function userOneDriveToWire({ base }: Exchange, organization: Organization, oneDrive: OneDrive): object {
  const user = link(base, 'Organizations', organization.id, 'Users', encodeURIComponent(oneDrive.owner.id));
  const { id, name, url } = oneDrive;
  return { id, name, url, _links: { self: link(user.href, 'OneDrives', id), user } };
}

/** `result` reads Success from the start, and means it only in the end. */
export function sessionToWire(exchange: Exchange, session: RestoreSession): object {
  const { id, organization, createdAt, options, stoppedAt, result, error, events } = session;
  const self = link(exchange.base, 'RestoreSessions', id);
  return {
    id,
    name: `OneDrive restore (Entire organization - ${options.moment.toISOString()})`,
    organization: organization.name,
    type: 'Veod',
    creationTime: longTime(createdAt),
    ...(stoppedAt ? { endTime: longTime(stoppedAt) } : {}),
    state: stoppedAt ? 'Stopped' : 'Working',
    result: stoppedAt ? result : 'Success',
    initiatedBy: options.initiatedBy,
    details: error ?? '',
    scopeName: '',
    clientHost: 'localhost',
    reason: '',
    ...(isSince(exchange, 'v8') && { eTag: events.length + (stoppedAt ? 1 : 0) }),
    _links: {
      self,
      organization: link(self.href, 'organization'),
      events: link(self.href, 'Events'),
      ...(isSince(exchange, 'v8') && { statistics: link(self.href, 'Statistics') }),
    },
  };
}

export function eventToWire(exchange: Exchange, session: RestoreSession, event: SessionEvent): object {
  const { id, type, status, startedAt, endedAt, title, message, order, itemName, itemType, itemSizeBytes, target } =
    event;
  return {
    id,
    type,
    status,
    startTime: longTime(startedAt),
    ...(endedAt ? { endTime: longTime(endedAt) } : {}),
    duration: durationOf(event),
    title,
    message,
    order,
    ...(itemName === undefined ? {} : { itemName }),
    ...(itemType === undefined ? {} : { itemType }),
    ...(itemSizeBytes === undefined ? {} : { itemSizeBytes }),
    ...(target === undefined ? {} : { target }),
    ...(isSince(exchange, 'v8') && {
      organizationId: session.organization.id,
      backedUpOrganizationId: session.organization.backedUpId,
    }),
    _links: { self: link(exchange.base, 'RestoreSessions', session.id, 'Events', id) },
  };
}

function oneDriveLink({ base }: Exchange, session: RestoreSession, oneDrive: OneDrive): string {
  return link(base, 'RestoreSessions', session.id, 'Organization', 'OneDrives', oneDrive.id).href;
}

export function oneDriveToWire(exchange: Exchange, session: RestoreSession, oneDrive: OneDrive): object {
  const { id, name, url } = oneDrive;
  const self = oneDriveLink(exchange, session, oneDrive);
  return {
    id,
    name,
    url,
    _links: {
      self: { href: self },
      organization: link(exchange.base, 'RestoreSessions', session.id, 'organization'),
      folders: link(self, 'Folders'),
      documents: link(self, 'Documents'),
    },
  };
}

export function itemToWire(exchange: Exchange, session: RestoreSession, oneDrive: OneDrive, item: Item): object {
  const onedrive = oneDriveLink(exchange, session, oneDrive);
  const { id, name, parentId, createdAt, modifiedAt } = item;
  const isFolder = item.kind === 'folder';
  const version = isFolder ? folderVersion : item.current.label;
  const links = {
    self: link(onedrive, isFolder ? 'Folders' : 'Documents', id),
    onedrive: { href: onedrive },
    ...(parentId === undefined ? {} : { parent: link(onedrive, 'Folders', parentId) }),
  };
  const inside = {
    folders: { href: `${onedrive}/Folders?parentId=${id}` },
    documents: { href: `${onedrive}/Documents?parentId=${id}` },
  };
  return {
    ...(isSince(exchange, 'v8') && { oneDriveId: oneDrive.id }),
    id,
    name,
    ...(isFolder ? {} : { sizeBytes: item.current.content.size, inheritedPermissions: true }),
    version,
    versionId: versionIdOf(version),
    createdBy: oneDrive.owner.displayName,
    creationTime: longTime(createdAt, 'Z'),
    modifiedBy: oneDrive.owner.displayName,
    modificationTime: longTime(modifiedAt, 'Z'),
    ...(isSince(exchange, 'v7') && { isFolder }),
    _links: isFolder ? { ...links, ...inside } : links,
  };
}

export function emailSettingsToWire(exchange: Exchange, resource: string, settings: EmailSettings): object {
  const { enableNotification, smtpServer, port, from, useSSL, useAuthentication, username } = settings;
  return {
    enableNotification,
    server: smtpServer,
    port,
    from,
    useSSL,
    useAuthentication,
    username,
    ...(isSince(exchange, 'v8') && { authenticationType: 'CustomSmtp', mailApiUrl: null, isAuthenticated: null }),
    _links: { self: link(exchange.base, resource) },
  };
}
