import type { Configuration } from '@app/config';
import { TooManyDownloadsError } from '@app/problems';
import { Inject, Injectable } from '@nestjs/common';

import type { Release } from '../http/caller-slots.js';
import { limitsOfServers } from '../infrastructure/server-limits.js';
import { CONFIGURATION } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';

const RETRY_AFTER_SECONDS = 30;

/** Bounds the downloads of this replica that a backup server builds and sends at the same time, where it has a limit of its own. */
@Injectable()
export class ServerDownloads {
  private readonly limits: ReadonlyMap<string, number>;
  private readonly running = new Map<string, number>();

  constructor(@Inject(CONFIGURATION) configuration: Pick<Configuration, 'backupServers'>) {
    this.limits = limitsOfServers(configuration, 'downloads');
  }

  /** @throws TooManyDownloadsError, with the seconds after which to try again */
  acquire({ backupServer }: Pick<RestoreSession, 'backupServer'>): Release {
    const running = this.runningOn(backupServer);
    if (running >= (this.limits.get(backupServer) ?? Infinity)) {
      throw new TooManyDownloadsError('The backup server carries as many downloads as it may.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.running.set(backupServer, running + 1);
    let held = true;
    return () => {
      if (held) this.running.set(backupServer, this.runningOn(backupServer) - 1);
      held = false;
    };
  }

  private runningOn(backupServer: string): number {
    return this.running.get(backupServer) ?? 0;
  }
}
