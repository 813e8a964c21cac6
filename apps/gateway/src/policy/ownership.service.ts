import type { Principal } from '@app/identity';
import { mayOwnOneDrives } from '@app/policy';
import { type OneDrive, type OrganizationUser, VeeamClient } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { UserDirectory } from './user-directory.js';

/** A person has one OneDrive, a hybrid one two; more means that the look-up found something else. */
const MOST_ONEDRIVES_OF_A_PERSON = 2;

/**
 * Finds what a person owns, always from the person to the OneDrive and never the other way: names, addresses and URLs
 * of a OneDrive prove nothing.
 */
@Injectable()
export class OwnershipService {
  constructor(
    private readonly client: VeeamClient,
    private readonly directory: UserDirectory,
  ) {}

  /**
   * The caller's own OneDrives in an organization; none when the caller is not known there, or not without doubt. Which they are is asked
   * anew each time.
   */
  async ownOneDrives(principal: Principal, organizationId: string): Promise<readonly OneDrive[]> {
    if (!mayOwnOneDrives(principal)) {
      return [];
    }
    const [user, ...others] = await this.usersOf(principal, organizationId);
    if (user === undefined || others.length > 0) {
      return [];
    }
    const oneDrives = await this.client.listUserOneDrives(organizationId, user.id);
    return oneDrives.length <= MOST_ONEDRIVES_OF_A_PERSON ? oneDrives : [];
  }

  /** More than one is doubt. */
  private async usersOf(principal: Principal, organizationId: string): Promise<readonly OrganizationUser[]> {
    const { objectId, ownershipEmail } = principal;
    if (objectId === undefined) {
      return ownershipEmail === undefined ? [] : this.client.findUsers(organizationId, ownershipEmail);
    }
    for (const login of loginsOf(principal)) {
      const users = await this.usersWith(objectId, organizationId, login);
      if (users.length > 0) return users;
    }
    const login = await this.directory.loginOf(organizationId, objectId);
    return login === undefined ? [] : this.usersWith(objectId, organizationId, login);
  }

  /** A login only narrows the look-up: what counts is the object id. */
  private async usersWith(objectId: string, organizationId: string, login: string): Promise<OrganizationUser[]> {
    const users = await this.client.findUsers(organizationId, login);
    return users.filter((user) => user.objectId === objectId);
  }
}

/** What the token calls the person, the likelier one first. */
function loginsOf({ email, userName }: Principal): readonly string[] {
  const logins = [email?.address, userName].filter((login) => login !== undefined);
  const [first, second] = logins;
  return first?.toLowerCase() === second?.toLowerCase() ? logins.slice(0, 1) : logins;
}
