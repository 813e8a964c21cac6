import type { Principal } from '@app/identity';
import { type OneDrive, type Organization, type Page, VeeamClient } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import type { PageRequest } from '../http/cursor.js';
import { AuthorizationService } from '../policy/authorization.service.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';

/** What there is to see: organizations, and the OneDrives of a restore session. */
@Injectable()
export class CatalogService {
  constructor(
    private readonly authorization: AuthorizationService,
    private readonly sessions: RestoreSessionsService,
    private readonly client: VeeamClient,
  ) {}

  async organizations(principal: Principal): Promise<Organization[]> {
    return this.authorization.visibleOrganizations(principal);
  }

  /** Operators page through the organization's; a person's own (at most two) are fetched singly. */
  async oneDrives(principal: Principal, sid: string, page: PageRequest): Promise<Page<OneDrive>> {
    return this.sessions.use(principal, sid, async (session) => {
      const browsable = await this.authorization.browsable(principal, session);
      if (browsable === 'all') {
        return this.client.listOneDrives(session.upstreamSessionId, page);
      }
      const found = await Promise.all(
        browsable
          .slice(page.offset, page.offset + page.limit)
          .map((id) => this.client.getOneDrive(session.upstreamSessionId, id)),
      );
      return {
        items: found.filter((oneDrive) => oneDrive !== undefined),
        hasMore: browsable.length > page.offset + page.limit,
      };
    });
  }

  async oneDrive(principal: Principal, sid: string, oid: string): Promise<OneDrive> {
    return this.sessions.use(principal, sid, (session) => this.authorization.browse(principal, session, oid));
  }
}
