import { type Clock, within } from '@app/clock';
import type { Logger } from '@app/logging';
import { BackupServers, type OrganizationUser } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK, LOGGER } from '../infrastructure/tokens.js';
import type { OrganizationPlace } from '../restore-sessions/restore-session.js';

const GOOD_FOR_MS = 10 * 60_000;
const AFTER_FAILURE_MS = 60_000;
/** What a request waits for the first reading; that goes on without it. */
const WAIT_MS = 5_000;

interface Listing {
  /** By object id; undefined until it was read once. */
  logins: ReadonlyMap<string, string> | undefined;
  dueAt: number;
  reading: Promise<void> | undefined;
}

/**
 * What upstream calls the people of an organization, by their object id: for those whom their token calls otherwise. Upstream cannot be
 * asked by object id, so everybody is read, once for all who ask within ten minutes; a caller whom upstream does not know makes it read no
 * more than others do. It proves nothing: a login found here is looked up like one of a token.
 */
@Injectable()
export class UserDirectory {
  /** One an organization, of which there are as many as are configured. */
  private readonly listings = new Map<string, Listing>();

  constructor(
    private readonly servers: BackupServers,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Undefined when no user or more than one has the object id, and while the first reading takes long or fails. */
  async loginOf(place: OrganizationPlace, objectId: string): Promise<string | undefined> {
    const listing = this.listingOf(place);
    if (listing.reading === undefined && this.clock.now() >= listing.dueAt) {
      listing.reading = this.read(place, listing);
    }
    if (listing.logins === undefined && listing.reading !== undefined) {
      await within(this.clock, WAIT_MS, listing.reading);
    }
    return listing.logins?.get(objectId);
  }

  private listingOf({ backupServer, organizationId }: OrganizationPlace): Listing {
    const key = JSON.stringify([backupServer, organizationId]);
    const known = this.listings.get(key);
    if (known !== undefined) return known;
    const listing: Listing = { logins: undefined, dueAt: 0, reading: undefined };
    this.listings.set(key, listing);
    return listing;
  }

  /** A failure leaves what was known before: who cannot be found owns nothing, and nobody else waits for them. */
  private async read(place: OrganizationPlace, listing: Listing): Promise<void> {
    try {
      listing.logins = loginsByObjectId(await this.servers.of(place).users.list(place.organizationId));
      listing.dueAt = this.clock.now() + GOOD_FOR_MS;
    } catch (error) {
      listing.dueAt = this.clock.now() + AFTER_FAILURE_MS;
      this.logger.warn(
        { err: error, organizationId: place.organizationId, backupServer: place.backupServer },
        'the users of an organization could not be read',
      );
    } finally {
      listing.reading = undefined;
    }
  }
}

/** Without those whose object id is another's too: one of them is not who they seem. */
function loginsByObjectId(users: readonly OrganizationUser[]): ReadonlyMap<string, string> {
  const first = new Map<string, OrganizationUser>();
  const doubtful = new Set<string>();
  for (const user of users) {
    const { objectId } = user;
    if (objectId === undefined) continue;
    const other = first.get(objectId);
    if (other === undefined) first.set(objectId, user);
    // Pages shift while they are read: the same user may come twice, but not by two names.
    else if (other.id !== user.id || other.name !== user.name) doubtful.add(objectId);
  }
  const certain = [...first].filter(([objectId, { name }]) => !doubtful.has(objectId) && name !== '');
  return new Map(certain.map(([objectId, { name }]) => [objectId, name]));
}
