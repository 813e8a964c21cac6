import type { Principal } from '@app/identity';
import { InternalError } from '@app/problems';
import {
  type ActionItem,
  BackupServers,
  type Capabilities,
  type Item,
  type ItemRef,
  type OneDrive,
  type OrganizationUser,
  type Page,
  type ServedOrganization,
} from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import type { PageRequest } from '../http/cursor.js';
import { AuthorizationService, type VisibleOrganizations } from '../policy/authorization.service.js';
import { ItemAuthorization } from '../policy/item-authorization.service.js';
import { whole } from '../policy/item-question.js';
import type { FoundItem } from '../policy/item-lookup.service.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';
import { OneDriveOwners } from './onedrive-owners.service.js';
import { pageOfParts, type Place } from './page-of-parts.js';

/** A page that goes on behind `last`; the last one has none. */
interface ItemPage {
  readonly items: readonly Item[];
  readonly last: Place | undefined;
}

interface PageAfter {
  readonly limit: number;
  readonly after: Place | undefined;
}

/**
 * What there is to see: organizations, and what is in restore sessions. Each page is one decision, however long it is. A session shows a
 * backup, which does not change, so its listings are complete.
 */
@Injectable()
export class CatalogService {
  constructor(
    private readonly authorization: AuthorizationService,
    private readonly itemAuthorization: ItemAuthorization,
    private readonly sessions: RestoreSessionsService,
    private readonly owners: OneDriveOwners,
    private readonly servers: BackupServers,
  ) {}

  async organizations(principal: Principal): Promise<VisibleOrganizations> {
    return this.authorization.visibleOrganizations(principal);
  }

  /** What the backup server of an organization can do. */
  async capabilities(organization: ServedOrganization): Promise<Capabilities & { readonly apiVersion: string }> {
    const client = this.servers.of(organization);
    const [capabilities, apiVersion] = await Promise.all([client.capabilities(), client.apiVersion()]);
    return { ...capabilities, apiVersion };
  }

  /** Operators page through the organization's; a person's own (at most two) are fetched singly. */
  async oneDrives(principal: Principal, sid: string, page: PageRequest): Promise<Page<OneDrive>> {
    return this.sessions.use(principal, sid, async (session) => {
      const browsable = await this.itemAuthorization.browsable(principal, session);
      const client = this.servers.of(session);
      if (browsable.isWhole) {
        const list = (part: PageRequest) => client.listOneDrives(session.upstreamSessionId, part);
        const after = { part: 0, offset: page.offset };
        const { items, last } = await pageOfParts([list], { limit: page.limit, after });
        return { items, nextOffset: last?.offset };
      }
      const { oneDriveIds } = browsable;
      const end = page.offset + page.limit;
      const found = await Promise.all(
        oneDriveIds.slice(page.offset, end).map((id) => client.getOneDrive(session.upstreamSessionId, id)),
      );
      return {
        items: found.filter((oneDrive) => oneDrive !== undefined),
        nextOffset: oneDriveIds.length > end ? end : undefined,
      };
    });
  }

  async oneDrive(principal: Principal, sid: string, oneDriveId: string): Promise<OneDrive> {
    return this.browse(principal, sid, whole(oneDriveId), (_, { oneDrive }) => Promise.resolve(oneDrive));
  }

  /** @returns with whose it is in production; undefined when that is nobody, or not found without doubt */
  async ownedOneDrive(
    principal: Principal,
    sid: string,
    oneDriveId: string,
  ): Promise<{ oneDrive: OneDrive; owner: OrganizationUser | undefined }> {
    return this.browse(principal, sid, whole(oneDriveId), async (session, { oneDrive }) => ({
      oneDrive,
      owner: await this.owners.ownerOf(session, oneDrive),
    }));
  }

  /** What lies in a folder, or at the root: folders first, then documents. */
  async children(
    principal: Principal,
    sid: string,
    { oneDriveId, parentId }: { readonly oneDriveId: string; readonly parentId: string | undefined },
    page: PageAfter,
  ): Promise<ItemPage> {
    const parent: ActionItem =
      parentId === undefined ? whole(oneDriveId) : { kind: 'folder', oneDriveId, itemId: parentId };
    return this.browse(principal, sid, parent, (session) => {
      const { items } = this.servers.of(session);
      const list = (kind: Item['kind']) => (part: PageRequest) =>
        items.list(session.upstreamSessionId, { oneDriveId, kind, parentId }, part);
      return pageOfParts([list('folder'), list('document')], page);
    });
  }

  async item(principal: Principal, sid: string, ref: ItemRef): Promise<Item> {
    return this.browse(principal, sid, ref, (_, { items: [item] }) => {
      if (item === undefined) throw new InternalError('An item was found that is not there.');
      return Promise.resolve(item);
    });
  }

  /** The earlier ones, as the backup has them; the current one is the item itself. */
  async versions(principal: Principal, sid: string, ref: ItemRef, page: PageAfter): Promise<ItemPage> {
    return this.browse(principal, sid, ref, (session) => {
      const { items } = this.servers.of(session);
      return pageOfParts([(part) => items.listVersions(session.upstreamSessionId, ref, part)], page);
    });
  }

  async search(
    principal: Principal,
    sid: string,
    { oneDriveId, query }: { readonly oneDriveId: string; readonly query: string },
    page: PageAfter,
  ): Promise<ItemPage> {
    return this.browse(principal, sid, whole(oneDriveId), (session) =>
      pageOfParts([this.searchOf(session, oneDriveId, query)], page),
    );
  }

  /**
   * Upstream searches all OneDrives at once, whatever the policy says of single ones: what lies in those that are kept back is left out, so
   * a page may be short, or empty, and still go on.
   * @throws NotSupportedByUpstreamError for callers with more than their own OneDrives, where all cannot be searched at once
   */
  async searchAll(principal: Principal, sid: string, query: string, page: PageAfter): Promise<ItemPage> {
    return this.sessions.use(principal, sid, async (session) => {
      const browsable = await this.itemAuthorization.browsable(principal, session);
      if (!browsable.isWhole) {
        return pageOfParts(
          browsable.oneDriveIds.map((id) => this.searchOf(session, id, query)),
          page,
        );
      }
      const { items: client } = this.servers.of(session);
      const search = (part: PageRequest) => client.searchAll(session.upstreamSessionId, query, part);
      const { items, last } = await pageOfParts([search], page);
      return { items: within(items, browsable.mayLookInto), last };
    });
  }

  private async browse<T>(
    principal: Principal,
    sid: string,
    item: ActionItem,
    read: (session: RestoreSession, found: FoundItem) => Promise<T>,
  ): Promise<T> {
    return this.sessions.use(principal, sid, async (session) =>
      read(session, await this.itemAuthorization.browse(principal, session, item)),
    );
  }

  private searchOf(session: RestoreSession, oneDriveId: string, query: string) {
    const client = this.servers.of(session);
    return async (part: PageRequest): Promise<Page<Item>> => {
      const { items, nextOffset } = await client.items.search(session.upstreamSessionId, oneDriveId, query, part);
      return { items: items.map((item) => ({ ...item, oneDriveId })), nextOffset };
    };
  }
}

/** Those in OneDrives that may be looked into; one that does not say where it lies may lie in another. */
function within(items: readonly Item[], mayLookInto: (oneDriveId: string) => boolean): Item[] {
  const open = new Map<string, boolean>();
  return items.filter(({ oneDriveId }) => {
    if (oneDriveId === undefined) return false;
    const isOpen = open.get(oneDriveId) ?? mayLookInto(oneDriveId);
    open.set(oneDriveId, isOpen);
    return isOpen;
  });
}
