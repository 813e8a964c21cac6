import type { Operation } from '@app/store';
import type { OneDrive, Organization, Page } from '@app/veeam-client';

import type { IssuedDeviceCode } from '../device-codes/device-codes.service.js';
import type { PageRequest } from '../http/cursor.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';

/*
 * Our shapes in the words and spelling of VB365's v5 answers. Links lead to the gateway; upstream's own are never shown.
 */

export function toV5Organization({ id, name, firstBackupAt, lastBackupAt }: Organization) {
  return {
    id,
    name,
    officeName: name,
    isBackedup: lastBackupAt !== undefined,
    ...(firstBackupAt !== undefined && { firstBackuptime: firstBackupAt }),
    ...(lastBackupAt !== undefined && { lastBackuptime: lastBackupAt }),
  };
}

export function toV5Session(session: RestoreSession, publicUrl: string) {
  const { id, organizationName, createdAt, stoppedAt } = session;
  const self = `${publicUrl}/v5/RestoreSessions/${id}`;
  return {
    id,
    organization: organizationName,
    type: 'Veod',
    creationTime: createdAt.toISOString(),
    ...(stoppedAt && { endTime: stoppedAt.toISOString() }),
    state: stoppedAt ? 'Stopped' : 'Working',
    result: 'Success',
    _links: {
      self: { href: self },
      onedrives: { href: `${self}/Organization/OneDrives` },
    },
  };
}

/** A page with links to its neighbours, which is how clients of version 5 find the next. */
export function toV5OneDrivePage(
  { items, nextOffset }: Page<OneDrive>,
  { offset, limit }: PageRequest,
  sid: string,
  publicUrl: string,
) {
  const link = (at: number) => ({
    href: `${publicUrl}/v5/RestoreSessions/${sid}/Organization/OneDrives?limit=${limit}&offset=${at}`,
  });
  return {
    offset,
    limit,
    results: items.map((oneDrive) => toV5OneDrive(oneDrive, sid, publicUrl)),
    _links: {
      first: link(0),
      ...(offset > 0 && { prev: link(Math.max(0, offset - limit)) }),
      self: link(offset),
      ...(nextOffset !== undefined && { next: link(nextOffset) }),
    },
  };
}

export function toV5OneDrive({ id, name, url }: OneDrive, sid: string, publicUrl: string) {
  const self = `${publicUrl}/v5/RestoreSessions/${sid}/Organization/OneDrives/${encodeURIComponent(id)}`;
  return { id, name, url, _links: { self: { href: self } } };
}

export function toV5DeviceCode({ userCode, verificationUrl, expiresInSeconds, message }: IssuedDeviceCode) {
  return { userCode: userCode.expose(), verificationUrl, expiresIn: expiresInSeconds, message };
}

/** The statistics as v5 clients read them; undefined when upstream gave none. */
export function toV5Statistics({ outcome }: Operation) {
  return (
    outcome && {
      totalItemsCount: outcome.total,
      restoredItemsCount: outcome.restored,
      failedItemsCount: outcome.failed,
      skippedItemsByErrorCount: outcome.skippedByError ?? 0,
      skippedItemsByNoChangesCount: outcome.skippedByNoChanges ?? outcome.skipped - (outcome.skippedByError ?? 0),
      failedRestrictionsCount: outcome.failedRestrictions ?? 0,
      restoreIssues: outcome.issues.map(({ path, title, severity, message }) => ({
        ...(path !== undefined && { path }),
        ...(title !== undefined && { title }),
        warnings: severity === 'warning' ? [message] : [],
        ...(severity === 'error' && { error: message }),
      })),
    }
  );
}
