import type { ActionItem } from '../../model.js';
import { type Route, route } from '../../transport/route.js';
import type { WireValue } from '../../wire/body.js';

/** What is below an item: the URL of each level is that of the one above it and a little more. */
export function itemRoute(
  restoreSessionId: string,
  item: ActionItem,
  below: string,
  query: Readonly<Record<string, string | number>> = {},
): Route {
  const { template, ids } = levelOf(item);
  return route(
    `/RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}${template}${below}`,
    { restoreSessionId, oneDriveId: item.oneDriveId, ...ids },
    query,
  );
}

/** A copy of single documents takes fewer choices than one of folders. */
export function isOfDocuments({ kind }: ActionItem): boolean {
  return kind === 'document' || kind === 'documents';
}

/** Several items are named in the body, by nothing but their ids. */
export function itemsField(item: ActionItem): Readonly<Record<string, WireValue>> {
  return 'itemIds' in item ? { [item.kind]: item.itemIds.map((id) => ({ id })) } : {};
}

function levelOf(item: ActionItem): { readonly template: string; readonly ids: Readonly<Record<string, string>> } {
  switch (item.kind) {
    case 'onedrive':
      return { template: '', ids: {} };
    case 'folders':
      return { template: '/Folders', ids: {} };
    case 'documents':
      return { template: '/Documents', ids: {} };
    case 'folder':
      return { template: `/Folders/{folderId}${versionOf(item)}`, ids: { folderId: item.itemId, ...idOf(item) } };
    case 'document':
      return { template: `/Documents/{documentId}${versionOf(item)}`, ids: { documentId: item.itemId, ...idOf(item) } };
  }
}

function versionOf({ versionId }: { readonly versionId?: string | undefined }): string {
  return versionId === undefined ? '' : '/Versions/{versionId}';
}

function idOf({ versionId }: { readonly versionId?: string | undefined }): Readonly<Record<string, string>> {
  return versionId === undefined ? {} : { versionId };
}
