import { UpstreamBrokenError } from '@app/problems';
import { demandCall } from './dialects/capabilities.js';
import type { ListedItems } from './dialects/shared/items.js';
import type { Item, ItemRef, Page } from './model.js';
import { presentable } from './presentable.js';
import { isNotFound, type RestoreSessions, sessionStopped } from './restore-sessions.js';
import type { Upstream } from './upstream.js';
import { lower } from './wire/fields.js';
import type { PageRequest } from './wire/page.js';

/** The folders and documents of restore sessions, and their earlier versions. Rejects as every method of `VeeamClient` does. */
export class SessionItems {
  constructor(
    private readonly upstream: Upstream,
    private readonly sessions: RestoreSessions,
  ) {}

  /** The folders, or the documents, that lie in a folder or at the root. All of them: the backup does not change. */
  list(sessionId: string, listed: ListedItems, page: PageRequest, signal?: AbortSignal): Promise<Page<Item>> {
    return this.sessions.within(sessionId, () =>
      this.upstream.call((dialect) => dialect.listItems(sessionId, listed, page), { signal }),
    );
  }

  /**
   * Undefined when the backup has no such item, or has it in another OneDrive: a server that finds items by their own id alone would
   * show what belongs to somebody else.
   * @throws UpstreamBrokenError when upstream does not say which OneDrive it lies in; NotSupportedByUpstreamError for a version, where there are none
   */
  find(sessionId: string, ref: ItemRef, signal?: AbortSignal): Promise<Item | undefined> {
    return presentable(async () => {
      try {
        const item = await this.upstream.call(
          (dialect) => {
            if (ref.versionId !== undefined) demandCall(dialect, dialect.listVersions, 'show earlier versions');
            return dialect.getItem(sessionId, ref);
          },
          { signal },
        );
        return isMeant(item, ref) ? item : undefined;
      } catch (error) {
        if (await this.sessions.isGone(error, sessionId)) throw sessionStopped(error);
        if (isNotFound(error)) return undefined;
        throw error;
      }
    });
  }

  /** Previous versions only. @throws NotSupportedByUpstreamError where there are none (see `capabilities`) */
  listVersions(sessionId: string, ref: ItemRef, page: PageRequest, signal?: AbortSignal): Promise<Page<Item>> {
    return this.sessions.within(sessionId, () =>
      this.upstream.call(
        (dialect) => demandCall(dialect, dialect.listVersions, 'show earlier versions')(sessionId, ref, page),
        { signal },
      ),
    );
  }

  /** Items of a OneDrive by their name, in upstream's way to match. */
  search(
    sessionId: string,
    oneDriveId: string,
    query: string,
    page: PageRequest,
    signal?: AbortSignal,
  ): Promise<Page<Item>> {
    return this.sessions.within(sessionId, () =>
      this.upstream.call((dialect) => dialect.searchOneDrive(sessionId, oneDriveId, query, page), { signal }),
    );
  }

  /** Items of every OneDrive of the session. @throws NotSupportedByUpstreamError where that cannot be had (see `capabilities`) */
  searchAll(sessionId: string, query: string, page: PageRequest, signal?: AbortSignal): Promise<Page<Item>> {
    return this.sessions.within(sessionId, () =>
      this.upstream.call(
        (dialect) =>
          demandCall(dialect, dialect.searchOneDrives, 'search all OneDrives at once')(sessionId, query, page),
        { signal },
      ),
    );
  }
}

/** Ids are compared letter by letter, but for that of the OneDrive: old versions write it into links in lower case. */
function isMeant({ id, oneDriveId, versionId }: Item, ref: ItemRef): boolean {
  if (oneDriveId === undefined) {
    throw new UpstreamBrokenError('The backup server does not say which OneDrive an item lies in.');
  }
  const isVersion = ref.versionId === undefined || versionId === undefined || versionId === ref.versionId;
  return id === ref.itemId && lower(oneDriveId) === lower(ref.oneDriveId) && isVersion;
}
