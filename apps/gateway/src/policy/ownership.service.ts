import type { Principal } from '@app/identity';
import { mayOwnOneDrives } from '@app/policy';
import { type OneDrive, VeeamClient } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

/** A person has one OneDrive, a hybrid one two; more means that the look-up found something else. */
const MOST_ONEDRIVES_OF_A_PERSON = 2;

/**
 * Finds what a person owns, always from the person to the OneDrive and never the other way: names, addresses and URLs
 * of a OneDrive prove nothing.
 */
@Injectable()
export class OwnershipService {
  constructor(private readonly client: VeeamClient) {}

  /**
   * The caller's own OneDrives in an organization; none when the caller is not known there, or not without doubt.
   * The login only narrows the look-up: what counts is that exactly one user has the object id of the token.
   */
  async ownOneDrives(principal: Principal, organizationId: string): Promise<readonly OneDrive[]> {
    const login = principal.email?.address ?? principal.userName;
    if (!mayOwnOneDrives(principal) || login === undefined) {
      return [];
    }
    const users = await this.client.findUsers(organizationId, login);
    const [user, ...others] = users.filter(({ objectId }) => objectId !== undefined && objectId === principal.objectId);
    if (user === undefined || others.length > 0) {
      return [];
    }
    const oneDrives = await this.client.listUserOneDrives(organizationId, user.id);
    return oneDrives.length <= MOST_ONEDRIVES_OF_A_PERSON ? oneDrives : [];
  }
}
