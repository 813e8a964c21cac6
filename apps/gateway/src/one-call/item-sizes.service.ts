import { type ActionItem, BackupServers, type Item } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { everyPage } from '../catalog/every-page.js';
import type { PageRequest } from '../http/cursor.js';
import type { FoundItem } from '../policy/item-lookup.service.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';

/** Beyond that many items nobody counts on. */
const MOST_COUNTED = 10_000;

export interface ItemSize {
  readonly folders: number;
  readonly documents: number;
  readonly bytes: number;
  /** Whether all of it was counted. */
  readonly isComplete: boolean;
}

/** Counts what is in an item, in listings. */
@Injectable()
export class ItemSizes {
  constructor(private readonly servers: BackupServers) {}

  async of(session: RestoreSession, { oneDriveId }: ActionItem, { items }: FoundItem): Promise<ItemSize> {
    const size = { folders: 0, documents: 0, bytes: 0 };
    const count = (item: Item) => {
      if (item.kind === 'folder') size.folders++;
      else size.documents++;
      size.bytes += item.sizeBytes ?? 0;
    };
    items.forEach(count);
    const open: (string | undefined)[] = items.length === 0 ? [undefined] : foldersAmong(items);
    while (open.length > 0) {
      const parentId = open.shift();
      for (const kind of ['folder', 'document'] as const) {
        const list = (page: PageRequest) =>
          this.servers.of(session).items.list(session.upstreamSessionId, { oneDriveId, kind, parentId }, page);
        for await (const found of everyPage(list)) {
          found.forEach(count);
          open.push(...foldersAmong(found));
          if (size.folders + size.documents > MOST_COUNTED) return { ...size, isComplete: false };
        }
      }
    }
    return { ...size, isComplete: true };
  }
}

function foldersAmong(items: readonly Item[]): string[] {
  return items.filter(({ kind }) => kind === 'folder').map(({ id }) => id);
}
