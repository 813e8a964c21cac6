import { ValidationFailedError } from '@app/problems';
import { BackupServers, type OneDrive } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { everyPage } from '../catalog/every-page.js';
import { noOneDrive } from '../policy/item-lookup.service.js';
import type { OrganizationPlace, RestoreSession } from '../restore-sessions/restore-session.js';
import type { WhoseOneDrive } from './one-call-request.js';

/** Finds the OneDrive that a request means. Whether the caller may do anything to it is not its matter. */
@Injectable()
export class UsersOneDrive {
  constructor(private readonly servers: BackupServers) {}

  /**
   * The ids of the OneDrives that a user has in production: two of a hybrid user, none of somebody who has left. One that is named by its
   * id is taken at its word.
   */
  async inProduction(place: OrganizationPlace, whose: WhoseOneDrive): Promise<readonly string[]> {
    if ('oneDriveId' in whose) {
      return [whose.oneDriveId];
    }
    const { users } = this.servers.of(place);
    const oneDrives = await users.oneDrivesOf(place.organizationId, whose.user);
    return oneDrives.map(({ id }) => id);
  }

  /**
   * The OneDrive in the backup of somebody who is no longer in production. Only its address still tells whose it was, which proves nothing:
   * it is for callers who may act on every OneDrive of the organization.
   * @throws NotFoundError unless there is exactly one
   */
  async ofLeaver(session: RestoreSession, user: string): Promise<string> {
    const client = this.servers.of(session);
    const found: OneDrive[] = [];
    for await (const oneDrives of everyPage((page) => client.listOneDrives(session.upstreamSessionId, page))) {
      found.push(...oneDrives.filter(({ url }) => siteOf(url) === siteNameOf(user)));
    }
    const [oneDrive, ...others] = found;
    if (oneDrive === undefined || others.length > 0) {
      throw noOneDrive();
    }
    return oneDrive.id;
  }
}

/** @throws NotFoundError for none, ValidationFailedError for two: the caller may browse them and can name one */
export function onlyOf([oneDriveId, ...others]: readonly string[]): string {
  if (oneDriveId === undefined) {
    throw noOneDrive();
  }
  if (others.length > 0) {
    const message = `has several OneDrives; give one as oneDriveId instead: ${[oneDriveId, ...others].join(', ')}`;
    throw new ValidationFailedError([{ field: 'user', message }]);
  }
  return oneDriveId;
}

/** SharePoint makes the name of a personal site from the login so. */
function siteNameOf(login: string): string {
  return login.toLowerCase().replace(/[^a-z0-9]/g, '_');
}

function siteOf(url: string): string | undefined {
  return /\/personal\/([^/?#]+)\/?$/i.exec(url)?.[1]?.toLowerCase();
}
