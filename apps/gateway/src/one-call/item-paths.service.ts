import { NotFoundError } from '@app/problems';
import { type ActionItem, BackupServers, type Item } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { everyPage } from '../catalog/every-page.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';

/** Finds items by the names that lead to them, as OneDrive takes names: case is kept, and makes no difference. */
@Injectable()
export class ItemPaths {
  constructor(private readonly servers: BackupServers) {}

  /** @throws NotFoundError that names the last folder that is there */
  async find(session: RestoreSession, oneDriveId: string, path: readonly string[]): Promise<ActionItem> {
    let parent: Item | undefined;
    for (const [depth, name] of path.entries()) {
      const isLast = depth === path.length - 1;
      const found =
        (await this.named(session, { oneDriveId, kind: 'folder', parentId: parent?.id }, name)) ??
        (isLast ? await this.named(session, { oneDriveId, kind: 'document', parentId: parent?.id }, name) : undefined);
      if (found === undefined) {
        throw new NotFoundError(missing(path, depth));
      }
      parent = found;
    }
    return parent === undefined
      ? { kind: 'onedrive', oneDriveId }
      : { kind: parent.kind, oneDriveId, itemId: parent.id };
  }

  /** The one of exactly that name, or else the only one that OneDrive would take for it. */
  private async named(
    session: RestoreSession,
    listed: { readonly oneDriveId: string; readonly kind: Item['kind']; readonly parentId: string | undefined },
    name: string,
  ): Promise<Item | undefined> {
    const client = this.servers.of(session);
    const alike: Item[] = [];
    for await (const items of everyPage((page) => client.items.list(session.upstreamSessionId, listed, page))) {
      const exact = items.find((item) => item.name === name);
      if (exact) return exact;
      alike.push(...items.filter((item) => folded(item.name) === folded(name)));
    }
    return alike.length === 1 ? alike[0] : undefined;
  }
}

/** A name typed on another system may be composed otherwise. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function missing(path: readonly string[], depth: number): string {
  const [name, parent] = [path[depth], path.slice(0, depth).join('/')];
  return parent === '' ? `There is no '${name}' at the root of the OneDrive.` : `There is no '${name}' in '${parent}'.`;
}
