import type { Exchange } from '../http/api-version.js';
import { link } from '../http/links.js';
import { durationOf, longTime } from '../http/times.js';
import type { Item } from '../world/item-tree.js';
import type { OneDrive, Organization, User } from '../world/organizations.js';
import type { RestoreSession, SessionEvent } from '../world/restore-sessions.js';
import type { EmailSettings } from '../world/email.js';

/* The shapes of v5's answers: camelCase names, Pascal-case enum values, absolute links with lower-cased paths. */

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
    isBackedup: firstBackupAt !== undefined,
    ...(firstBackupAt && { firstBackuptime: longTime(firstBackupAt, 'Z') }),
    ...(lastBackupAt && { lastBackuptime: longTime(lastBackupAt, 'Z') }),
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
    result: session.result,
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
    duration: durationOf(event),
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

export function emailSettingsToWire(settings: EmailSettings): object {
  const { enableNotification, smtpServer, port, from, useSSL, useAuthentication, username } = settings;
  return { enableNotification, smtpServer, port, from, useSSL, useAuthentication, username };
}

/** Times of items come without a zone, and mean UTC. */
function zonelessTime(at: Date): string {
  return at.toISOString().slice(0, 19);
}
