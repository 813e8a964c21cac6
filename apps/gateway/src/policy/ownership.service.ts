import type { Principal } from '@app/identity';
import { mayOwnOneDrives } from '@app/policy';
import { BackupServers, type OneDrive, type OrganizationUser } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { lowerCaseAscii } from '../http/ascii.js';
import type { OrganizationPlace } from '../restore-sessions/restore-session.js';
import { UserDirectory } from './user-directory.js';

/** A person has one OneDrive, a hybrid one two; more means that the look-up found something else. */
const MOST_ONEDRIVES_OF_A_PERSON = 2;

/** What was found of a caller without doubt. */
interface Own {
  readonly user: OrganizationUser | undefined;
  readonly oneDrives: readonly OneDrive[];
}

const nothing: Own = { user: undefined, oneDrives: [] };

/**
 * Finds what a person owns, always from the person to the OneDrive and never the other way: names, addresses and URLs
 * of a OneDrive prove nothing.
 */
@Injectable()
export class OwnershipService {
  constructor(
    private readonly servers: BackupServers,
    private readonly directory: UserDirectory,
  ) {}

  /**
   * The caller's own OneDrives in an organization; none when the caller is not known there, or not without doubt. Which they are is asked
   * anew each time.
   */
  async ownOneDrives(principal: Principal, place: OrganizationPlace): Promise<readonly OneDrive[]> {
    return (await this.own(principal, place)).oneDrives;
  }

  /** The same, if upstream calls the caller by that login, ASCII case apart; none of anybody else. */
  async ownOneDrivesOf(principal: Principal, place: OrganizationPlace, login: string): Promise<readonly OneDrive[]> {
    const { user, oneDrives } = await this.own(principal, place);
    return user !== undefined && lowerCaseAscii(user.name) === lowerCaseAscii(login) ? oneDrives : [];
  }

  private async own(principal: Principal, place: OrganizationPlace): Promise<Own> {
    if (!mayOwnOneDrives(principal)) {
      return nothing;
    }
    const [user, ...others] = await this.usersOf(principal, place);
    if (user === undefined || others.length > 0) {
      return nothing;
    }
    const oneDrives = await this.servers.of(place).users.listOneDrives(place.organizationId, user.id);
    return oneDrives.length <= MOST_ONEDRIVES_OF_A_PERSON ? { user, oneDrives } : nothing;
  }

  /** More than one is doubt. */
  private async usersOf(principal: Principal, place: OrganizationPlace): Promise<readonly OrganizationUser[]> {
    const { objectId, ownershipEmail } = principal;
    if (objectId === undefined) {
      return ownershipEmail === undefined ? [] : this.findUsers(place, ownershipEmail);
    }
    for (const login of loginsOf(principal)) {
      const users = await this.usersWith(objectId, place, login);
      if (users.length > 0) return users;
    }
    const login = await this.directory.loginOf(place, objectId);
    return login === undefined ? [] : this.usersWith(objectId, place, login);
  }

  /** A login only narrows the look-up: what counts is the object id. */
  private async usersWith(objectId: string, place: OrganizationPlace, login: string): Promise<OrganizationUser[]> {
    const users = await this.findUsers(place, login);
    return users.filter((user) => user.objectId === objectId);
  }

  private findUsers(place: OrganizationPlace, login: string): Promise<OrganizationUser[]> {
    return this.servers.of(place).users.find(place.organizationId, login);
  }
}

/** What the token calls the person, the likelier one first. */
function loginsOf({ email, userName }: Principal): readonly string[] {
  const logins = [email?.address, userName].filter((login) => login !== undefined);
  const [first, second] = logins;
  return first?.toLowerCase() === second?.toLowerCase() ? logins.slice(0, 1) : logins;
}
