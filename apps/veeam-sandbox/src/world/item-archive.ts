import type { Document } from './item-tree.js';
import type { Selection } from './item-restore.js';
import { zipArchive, type ZipArchive, type ZipEntry } from './zip-archive.js';

/** Bytes to download or to attach, and what to call them. */
export interface Download {
  readonly name: string;
  /** Undefined when it cannot be known beforehand. */
  readonly size: number | undefined;
  read(): AsyncIterable<Buffer>;
}

/**
 * Everything that was chosen, as a ZIP. A whole OneDrive has its root's children at the top of the archive, chosen folders and
 * documents come under their own names. Only empty folders get an entry of their own.
 */
export function zipOf(selection: Selection, { compressed = false } = {}): Download {
  const entries = new Map<string, ZipEntry>();
  for (const chosen of selection.chosen) {
    const above = chosen.path.length - chosen.name.length;
    for (const item of selection.tree.below(chosen)) {
      const isEmptyFolder = item.kind === 'folder' && selection.tree.childrenOf(item.id).length === 0;
      if (item.kind === 'folder' && !isEmptyFolder) continue;
      const path = freeName(entries, item.path.slice(above), item.kind === 'folder');
      const content = item.kind === 'document' ? { content: item.current.content } : {};
      entries.set(path, { path, modifiedAt: item.modifiedAt, ...content });
    }
  }
  const archive: ZipArchive = zipArchive([...entries.values()], { compressed });
  return { name: `${selection.title}.zip`, size: archive.size, read: () => archive.read() };
}

export function rawDocument(document: Document): Download {
  const { content } = document.current;
  return { name: document.name, size: content.size, read: () => content.read() };
}

/** A deleted and a living item, or two chosen from different folders, may have the same name. */
function freeName(taken: ReadonlyMap<string, unknown>, path: string, isFolder: boolean): string {
  const end = isFolder ? '/' : '';
  let name = path + end;
  for (let n = 2; taken.has(name); n++) {
    const dot = path.lastIndexOf('.');
    const isExtension = !isFolder && dot > path.lastIndexOf('/') + 1;
    name = isExtension ? `${path.slice(0, dot)} (${n})${path.slice(dot)}` : `${path} (${n})${end}`;
  }
  return name;
}
