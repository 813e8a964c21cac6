import type { Document, Item } from '../world/item-tree.js';
import { notFound } from '../http/lookups.js';

/** As SharePoint numbers versions: `3.0` is 1536. */
export function versionIdOf(label: string): number {
  return Math.round(Number.parseFloat(label) * 512);
}

/** Folders have one version only. */
export const folderVersion = '1.0';

/** A document as one of its versions was, oldest first; the last one is the current. */
export function versionsOf(document: Document): Document[] {
  const all = [...document.previous, document.current];
  return all.map((current, i) => ({ ...document, current, previous: all.slice(0, i), modifiedAt: current.modifiedAt }));
}

export function atVersion(item: Item, versionId: string): Item {
  if (item.kind === 'folder') {
    return versionId === String(versionIdOf(folderVersion)) ? item : notFound('Version', versionId);
  }
  const found = versionsOf(item).find(({ current }) => String(versionIdOf(current.label)) === versionId);
  return found ?? notFound('Version', versionId);
}
