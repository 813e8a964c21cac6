import type { Configuration } from '@app/config';
import { TooManyDownloadsError } from '@app/problems';
import { Inject, Injectable } from '@nestjs/common';

import { HeldSlots, type Release } from '../infrastructure/held-slots.js';
import { limitsOfServers } from '../infrastructure/server-limits.js';
import { CONFIGURATION } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';

/** Of any download that is one too many. */
export const RETRY_AFTER_SECONDS = 30;

/** Bounds the downloads of this replica that a backup server builds and sends at the same time, where it has a limit of its own. */
@Injectable()
export class ServerDownloads {
  private readonly limits: ReadonlyMap<string, number>;
  private readonly slots = new HeldSlots();

  constructor(@Inject(CONFIGURATION) configuration: Pick<Configuration, 'backupServers'>) {
    this.limits = limitsOfServers(configuration, 'downloads');
  }

  /** @throws TooManyDownloadsError, with the seconds after which to try again */
  acquire({ backupServer }: Pick<RestoreSession, 'backupServer'>): Release {
    if (this.slots.of(backupServer) >= (this.limits.get(backupServer) ?? Infinity)) {
      throw new TooManyDownloadsError('The backup server carries as many downloads as it may.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    return this.slots.hold(backupServer);
  }
}
