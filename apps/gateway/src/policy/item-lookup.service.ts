import { NotFoundError } from '@app/problems';
import { type ActionItem, BackupServers, type Item, type ItemRef, type OneDrive } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import type { CopyTarget } from '../actions/action-request.js';
import type { OrganizationPlace, RestoreSession } from '../restore-sessions/restore-session.js';

/** A target as a caller names it, or as it was found when the copy was accepted. */
export type WantedTarget = CopyTarget | { readonly found: OneDrive };

/** As the backup has it. */
export interface FoundItem {
  readonly oneDrive: OneDrive;
  /** The folders or documents that were named; none for the OneDrive as a whole. */
  readonly items: readonly Item[];
}

/** Of several items, how many are looked up at once. */
const AT_ONCE = 8;

/** Finds the OneDrives and items that requests name. Whose they are is not its matter; that an item lies in its OneDrive is. */
@Injectable()
export class ItemLookup {
  constructor(private readonly servers: BackupServers) {}

  /** @throws NotFoundError unless all of it is there */
  async inBackup(session: RestoreSession, item: ActionItem): Promise<FoundItem> {
    const [oneDrive, items] = await Promise.all([this.oneDrive(session, item.oneDriveId), this.items(session, item)]);
    if (oneDrive === undefined || items === undefined) {
      throw notFound(item);
    }
    return { oneDrive, items };
  }

  /** @throws NotFoundError unless there is exactly one */
  async copyTarget(session: RestoreSession, target: WantedTarget): Promise<OneDrive> {
    if ('oneDriveId' in target) {
      const { oneDriveId } = target;
      return (await this.inBackup(session, { kind: 'onedrive', oneDriveId })).oneDrive;
    }
    return this.targetByUser(session, target);
  }

  /** As it is in production. @throws NotFoundError unless there is exactly one */
  async targetByUser(
    place: OrganizationPlace,
    target: Exclude<WantedTarget, { readonly oneDriveId: string }>,
  ): Promise<OneDrive> {
    if ('found' in target) {
      return target.found;
    }
    const { users } = this.servers.of(place);
    const [oneDrive, ...others] = await users.oneDrivesOf(place.organizationId, target.user);
    if (oneDrive === undefined || others.length > 0) {
      throw noTarget(target);
    }
    return oneDrive;
  }

  /** Exactly that id: a server that reads ids in any case would otherwise find what the policy knows by another name. */
  private async oneDrive(session: RestoreSession, id: string): Promise<OneDrive | undefined> {
    const oneDrive = await this.servers.of(session).getOneDrive(session.upstreamSessionId, id);
    return oneDrive?.id === id ? oneDrive : undefined;
  }

  /** Undefined when one of them is not there. */
  private async items(session: RestoreSession, item: ActionItem): Promise<Item[] | undefined> {
    const found: Item[] = [];
    const refs = refsOf(item);
    const { items } = this.servers.of(session);
    for (let i = 0; i < refs.length; i += AT_ONCE) {
      const some = refs.slice(i, i + AT_ONCE).map((ref) => items.find(session.upstreamSessionId, ref));
      for (const one of await Promise.all(some)) {
        if (one === undefined) return undefined;
        found.push(one);
      }
    }
    return found;
  }
}

function refsOf(item: ActionItem): readonly ItemRef[] {
  switch (item.kind) {
    case 'onedrive':
      return [];
    case 'folder':
    case 'document':
      return [item];
    case 'folders':
    case 'documents': {
      const kind = item.kind === 'folders' ? 'folder' : 'document';
      return item.itemIds.map((itemId) => ({ kind, oneDriveId: item.oneDriveId, itemId }));
    }
  }
}

/** Alike whether there is none or the caller may not know of it. */
export function noTarget(target: WantedTarget): NotFoundError {
  return 'user' in target
    ? new NotFoundError('There is no such target, or it is not the only one of that user.')
    : noOneDrive();
}

export function notFound({ kind }: ActionItem): NotFoundError {
  return kind === 'onedrive' ? noOneDrive() : new NotFoundError('There is no such item in that OneDrive.');
}

export function noOneDrive(): NotFoundError {
  return new NotFoundError('There is no such OneDrive.');
}
