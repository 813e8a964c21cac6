import { ValidationFailedError } from '@app/problems';
import type { Principal } from '@app/identity';
import { BackupServers, type OneDrive } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { everyPage } from '../catalog/every-page.js';
import { OneDriveOwners } from '../catalog/onedrive-owners.service.js';
import { noOneDrive } from '../policy/item-lookup.service.js';
import { OwnershipService } from '../policy/ownership.service.js';
import type { OrganizationPlace, RestoreSession } from '../restore-sessions/restore-session.js';

/** Finds the OneDrive that a request means by whose it is. Whether the caller may do anything to it is not its matter. */
@Injectable()
export class UsersOneDrive {
  constructor(
    private readonly servers: BackupServers,
    private readonly ownership: OwnershipService,
    private readonly owners: OneDriveOwners,
  ) {}

  /**
   * The ids of the caller's own OneDrives, if the user is the caller: none for anybody else. Nothing is asked of upstream that depends on
   * who is named, so neither the answer nor its time tells who there is.
   */
  async own(principal: Principal, place: OrganizationPlace, user: string): Promise<readonly string[]> {
    const oneDrives = await this.ownership.ownOneDrivesOf(principal, place, user);
    return oneDrives.map(({ id }) => id);
  }

  /** The ids of the OneDrives that a user has in production: two of a hybrid user. Undefined for somebody who is not there. */
  async inProduction(place: OrganizationPlace, login: string): Promise<readonly string[] | undefined> {
    const { users } = this.servers.of(place);
    const [user, ...namesakes] = await users.find(place.organizationId, login);
    if (user === undefined) return undefined;
    const oneDrives = namesakes.length > 0 ? [] : await users.listOneDrives(place.organizationId, user.id);
    return oneDrives.map(({ id }) => id);
  }

  /**
   * The OneDrive in the backup of somebody who is no longer in production. Only its address still tells whose it was, which proves nothing:
   * it is for callers who may act on every OneDrive of the organization. The addresses of several logins are written alike, so it is not
   * that of anybody who is there.
   * @throws NotFoundError unless there is exactly one
   */
  async ofLeaver(session: RestoreSession, user: string): Promise<string> {
    const client = this.servers.of(session);
    const found: OneDrive[] = [];
    for await (const oneDrives of everyPage((page) => client.listOneDrives(session.upstreamSessionId, page))) {
      found.push(...oneDrives.filter(({ url }) => siteOf(url) === siteNameOf(user)));
    }
    const [oneDrive, ...others] = found;
    if (oneDrive === undefined || others.length > 0 || (await this.owners.ownerOf(session, oneDrive)) !== undefined) {
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
