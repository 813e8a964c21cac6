import type { Item, ItemRef, Page } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get, post } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import { itemRoute } from './item-route.js';

/** Which items of a OneDrive are listed: the folders, or the documents, of one folder. */
export interface ListedItems {
  readonly oneDriveId: string;
  readonly kind: Item['kind'];
  /** The root when absent. */
  readonly parentId?: string | undefined;
}

export type ListItems = (restoreSessionId: string, listed: ListedItems, page: PageRequest) => Call<Page<Item>>;

/** @param root what the version calls the root; without any `parentId` it would list everything at every depth, slowly */
export function listItemsFrom(root: 'null' | 'root'): ListItems {
  return (restoreSessionId, { oneDriveId, kind, parentId = root }, page) => {
    const several = kind === 'folder' ? ('folders' as const) : ('documents' as const);
    const listing = { kind: several, oneDriveId, itemIds: [] };
    return get(itemRoute(restoreSessionId, listing, '', { parentId, ...page }), (body) =>
      // Listings of documents may hold folders (v7, v8).
      only(
        readPage(body, page, (value) => readItem(value, kind)),
        (item) => item.kind === kind,
      ),
    );
  };
}

export function getItem(restoreSessionId: string, item: ItemRef): Call<Item> {
  return get(itemRoute(restoreSessionId, item, ''), (body) => readItem(body, item.kind));
}

/** The previous ones: the current one is the item itself. */
export function listVersions(restoreSessionId: string, item: ItemRef, page: PageRequest): Call<Page<Item>> {
  return get(itemRoute(restoreSessionId, item, '/Versions', { ...page }), (body) =>
    readPage(body, page, (value) => readItem(value, item.kind)),
  );
}

export function searchOneDrive(
  restoreSessionId: string,
  oneDriveId: string,
  query: string,
  page: PageRequest,
): Call<Page<Item>> {
  const all = { itemType: 'All', ...page };
  return post(itemRoute(restoreSessionId, { kind: 'onedrive', oneDriveId }, '/search', all), { query }, (body) =>
    readPage(body, page, readItem),
  );
}

export function searchOneDrives(restoreSessionId: string, query: string, page: PageRequest): Call<Page<Item>> {
  const template = '/RestoreSessions/{restoreSessionId}/Organization/OneDrives/search';
  return post(route(template, { restoreSessionId }, { itemType: 'All', ...page }), { query }, (body) =>
    readPage(body, page, readItem),
  );
}

/** @param kind what it is where it does not say so itself (before v7); only documents have a size */
export function readItem(value: unknown, kind?: Item['kind']): Item {
  const fields = new Fields(value, 'an item');
  const isFolder = fields.optionalBoolean('isFolder') ?? (kind ? kind === 'folder' : !fields.has('sizeBytes'));
  return {
    id: fields.filledString('id'),
    kind: isFolder ? 'folder' : 'document',
    oneDriveId:
      fields.optionalString('oneDriveId') ?? idIn(hrefOf(fields, 'onedrive') ?? hrefOf(fields, 'self'), ONEDRIVE),
    parentId: idIn(hrefOf(fields, 'parent'), PARENT),
    name: fields.filledString('name'),
    sizeBytes: isFolder ? undefined : fields.count('sizeBytes'),
    version: fields.optionalString('version'),
    versionId: fields.optionalCount('versionId')?.toString(),
    modifiedAt: fields.time('modificationTime'),
    modifiedBy: fields.optionalString('modifiedBy') ?? '',
  };
}

const ONEDRIVE = /\/onedrives\/([^/?#]+)/i;
const PARENT = /\/folders\/([^/?#]+)$/i;

/** Links tell what older versions have no member for; none of them goes any further. */
function hrefOf(fields: Fields, name: string): string | undefined {
  return fields.optionalObject('_links')?.optionalObject(name)?.optionalString('href');
}

function idIn(href: string | undefined, pattern: RegExp): string | undefined {
  const id = pattern.exec(href ?? '')?.[1];
  try {
    return id === undefined ? undefined : decodeURIComponent(id);
  } catch {
    return undefined;
  }
}

function only<T>(page: Page<T>, isWanted: (item: T) => boolean): Page<T> {
  return { ...page, items: page.items.filter(isWanted) };
}
