import type { Logger } from '@app/logging';
import { Database, excessRights } from '@app/store';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { LOGGER } from '../infrastructure/tokens.js';

/**
 * Looks whether the login of the service can change what is on the audit trail. That is told and not refused: an installation that runs must
 * not stand still after an update, and restores are needed most when something is amiss.
 */
@Injectable()
export class TrailRights implements OnApplicationBootstrap {
  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    try {
      const rights = await this.excess();
      if (rights.length === 0) return;
      this.logger.warn({ rights }, 'the login of DATABASE_URL can change the audit trail: it must add to it only');
    } catch (error) {
      this.logger.warn({ err: error }, 'what the login of DATABASE_URL may do could not be looked at');
    }
  }

  /**
   * Of the login that is in use now, in words.
   * @throws StoreUnavailableError
   */
  excess(): Promise<string[]> {
    return this.database.run(excessRights);
  }
}
