import type { Exchange } from '../http/api-version.js';
import type { Page } from '../http/paging.js';
import type { Item } from '../world/item-tree.js';
import type { RestoreStatistics } from '../world/item-restore.js';
import type { OneDrive, Organization, User } from '../world/organizations.js';
import type { RestoreSession, SessionEvent } from '../world/restore-sessions.js';
import type { EmailSettings } from '../world/email.js';

/* The shapes of v5's answers: camelCase names, Pascal-case enum values, absolute links with lower-cased paths. */

export interface Link {
  href: string;
}

/** Absolute link; ids keep their case, since user ids hold base64. */
export function link(base: string, ...segments: string[]): Link {
  return { href: [base, ...segments].join('/') };
}

export function pageToWire<T>(exchange: Exchange, page: Page<T>, path: string, toWire: (item: T) => object): object {
  const { offset, limit, items, hasMore } = page;
  const others = [...exchange.query].filter(([name]) => name !== 'limit' && name !== 'offset');
  const at = (start: number): Link => {
    const query = new URLSearchParams([...others, ['limit', String(limit)], ['offset', String(start)]]);
    return { href: `${exchange.base}/${path}?${query.toString()}` };
  };
  return {
    offset,
    limit,
    _links: {
      ...(offset > 0 ? { first: at(0), prev: at(Math.max(0, offset - limit)) } : {}),
      self: at(offset),
      ...(hasMore ? { next: at(offset + limit) } : {}),
    },
    results: items.map(toWire),
  };
}

export function organizationToWire({ base }: Exchange, organization: Organization): object {
  const { id, name, firstBackupAt, lastBackupAt } = organization;
  return {
    type: 'Office365',
    id,
    name,
    officeName: name,
    region: 'Worldwide',
    isExchangeOnline: true,
    isSharePointOnline: true,
    isBackedup: true,
    firstBackuptime: longTime(firstBackupAt, 'Z'),
    lastBackuptime: longTime(lastBackupAt, 'Z'),
    _links: {
      self: link(base, 'organizations', id),
      users: link(base, 'organizations', id, 'users'),
    },
  };
}

export function userToWire({ base }: Exchange, organization: Organization, user: User): object {
  const self = link(base, 'organizations', organization.id, 'users', encodeURIComponent(user.id));
  return {
    id: user.id,
    type: 'User',
    displayName: user.displayName,
    name: user.login,
    isBackedUp: organization.oneDrives.some(({ owner }) => owner.id === user.id),
    _links: {
      self,
      organization: link(base, 'organizations', organization.id),
      onedrives: link(self.href, 'onedrives'),
    },
  };
}

/** A OneDrive in production, below its user. */
export function userOneDriveToWire({ base }: Exchange, organization: Organization, oneDrive: OneDrive): object {
  const user = link(base, 'organizations', organization.id, 'users', encodeURIComponent(oneDrive.owner.id));
  const { id, name, url } = oneDrive;
  return { id, name, url, _links: { self: link(user.href, 'onedrives', id), user } };
}

export function sessionToWire({ base }: Exchange, session: RestoreSession): object {
  const { id, organization, createdAt, options, stoppedAt } = session;
  return {
    id,
    name: `OneDrive restore (Entire organization - ${options.moment.toISOString()})`,
    organization: organization.name,
    type: 'Veod',
    creationTime: longTime(createdAt),
    ...(stoppedAt ? { endTime: longTime(stoppedAt) } : {}),
    state: stoppedAt ? 'Stopped' : 'Working',
    result: 'Success',
    initiatedBy: options.initiatedBy,
    details: '',
    _links: {
      self: link(base, 'restoresessions', id),
      organization: link(base, 'restoresessions', id, 'organization'),
      events: link(base, 'restoresessions', id, 'events'),
    },
  };
}

export function eventToWire({ base }: Exchange, session: RestoreSession, event: SessionEvent): object {
  const { id, type, status, startedAt, endedAt, title, message, order, itemName, itemType, itemSizeBytes, target } =
    event;
  return {
    id,
    type,
    status,
    startTime: longTime(startedAt),
    ...(endedAt ? { endTime: longTime(endedAt) } : {}),
    duration: durationOf((endedAt ?? new Date()).getTime() - startedAt.getTime()),
    title,
    message,
    order,
    ...(itemName === undefined ? {} : { itemName }),
    ...(itemType === undefined ? {} : { itemType }),
    ...(itemSizeBytes === undefined ? {} : { itemSizeBytes }),
    ...(target === undefined ? {} : { target }),
    _links: { self: link(base, 'restoresessions', session.id, 'events', id) },
  };
}

export function oneDriveToWire({ base }: Exchange, session: RestoreSession, oneDrive: OneDrive): object {
  const { id, name, url } = oneDrive;
  const self = link(base, 'restoresessions', session.id, 'organization', 'onedrives', id);
  return {
    id,
    name,
    url,
    _links: {
      self,
      organization: link(base, 'restoresessions', session.id, 'organization'),
      folders: link(self.href, 'folders'),
      documents: link(self.href, 'documents'),
    },
  };
}

export function itemToWire({ base }: Exchange, session: RestoreSession, oneDrive: OneDrive, item: Item): object {
  const onedrive = link(base, 'restoresessions', session.id, 'organization', 'onedrives', oneDrive.id);
  const { id, name, parentId, createdAt, modifiedAt } = item;
  const people = { createdBy: oneDrive.owner.displayName, modifiedBy: oneDrive.owner.displayName };
  const self = link(onedrive.href, item.kind === 'folder' ? 'folders' : 'documents', id);
  const links = {
    self,
    onedrive,
    ...(parentId === undefined ? {} : { parent: link(onedrive.href, 'folders', parentId) }),
  };
  const facts = { ...people, creationTime: zonelessTime(createdAt), modificationTime: zonelessTime(modifiedAt) };
  if (item.kind === 'folder') {
    const inside = {
      folders: { href: `${onedrive.href}/folders?parentid=${id}` },
      documents: { href: `${onedrive.href}/documents?parentid=${id}` },
    };
    return { id, name, version: '1.0', ...facts, _links: { ...links, ...inside } };
  }
  const { label, content } = item.current;
  return { id, name, sizeBytes: content.size, version: label, inheritedPermissions: true, ...facts, _links: links };
}

export function statisticsToWire(statistics: RestoreStatistics): object {
  return {
    totalItemsCount: statistics.total,
    restoredItemsCount: statistics.restored,
    failedItemsCount: statistics.failed,
    skippedItemsByErrorCount: statistics.skippedByError,
    skippedItemsByNoChangesCount: statistics.skippedByNoChanges,
    failedRestrictionsCount: 0,
    restoreIssues: statistics.issues.map((issue) => ({ ...issue, type: 'Item', warnings: [] })),
  };
}

export function emailSettingsToWire(settings: EmailSettings): object {
  const { enableNotification, smtpServer, port, from, useSSL, useAuthentication, username } = settings;
  return { enableNotification, smtpServer, port, from, useSSL, useAuthentication, username };
}

/** .NET's round-trip form, with seven decimals. */
function longTime(at: Date, zone = '+00:00'): string {
  return at.toISOString().replace('Z', `0000${zone}`);
}

/** Times of items come without a zone, and mean UTC. */
function zonelessTime(at: Date): string {
  return at.toISOString().slice(0, 19);
}

function durationOf(milliseconds: number): string {
  return new Date(Math.max(0, milliseconds)).toISOString().slice(11, 19);
}
