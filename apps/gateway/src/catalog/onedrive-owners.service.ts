import { BackupServers, type OneDrive, type OrganizationUser } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import type { OrganizationPlace } from '../restore-sessions/restore-session.js';

/** More people of one name than that are not looked through. */
const MOST_NAMESAKES = 5;

/**
 * Tells whose a OneDrive is in production, for people to read and never as a proof of anything. What a OneDrive is called only says whom
 * to ask for; whose it is, is by the person's own list of OneDrives.
 */
@Injectable()
export class OneDriveOwners {
  constructor(private readonly servers: BackupServers) {}

  /** Undefined for somebody who has left, and where the name does not lead to the owner. */
  async ownerOf(place: OrganizationPlace, { id, name }: OneDrive): Promise<OrganizationUser | undefined> {
    const client = this.servers.of(place);
    const namesakes = await client.users.findByDisplayName(place.organizationId, name);
    for (const user of namesakes.slice(0, MOST_NAMESAKES)) {
      const oneDrives = await client.users.listOneDrives(place.organizationId, user.id);
      if (oneDrives.some((oneDrive) => oneDrive.id === id)) return user;
    }
    return undefined;
  }
}
