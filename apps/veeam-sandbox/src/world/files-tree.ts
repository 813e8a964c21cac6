import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileContent } from './content.js';
import type { DocumentVersion, Folder, ItemTree } from './item-tree.js';

/** Where previous versions lie in a history folder, and in production. */
export const versionsFolder = 'versions';
/** Where deleted items lie in a history folder. */
export const deletedFolder = 'deleted';

export interface ReadFilesOptions {
  /** The folder with this OneDrive's previous versions and deleted items; it need not exist. */
  readonly history?: string | undefined;
  /** The state of this moment: of a document with previous versions, the newest that is not younger. */
  readonly at: Date;
  readonly showDeleted: boolean;
  /** Names at the root to leave out, lower case. */
  readonly except?: ReadonlySet<string>;
}

/** Fills a tree from a folder of the disk. Links to folders are not followed; whatever is neither file nor folder is left out. */
export function readFilesInto(tree: ItemTree, root: string, options: ReadFilesOptions): void {
  const { at, showDeleted, history, except = new Set<string>() } = options;
  const versions = history === undefined ? undefined : join(history, versionsFolder);
  const deleted = history === undefined ? undefined : join(history, deletedFolder);
  readFolder(root, undefined, '', { isDeleted: false, leaveOut: except });
  if (showDeleted && deleted !== undefined && existsSync(deleted)) {
    readFolder(deleted, undefined, '', { isDeleted: true, leaveOut: new Set() });
  }

  function readFolder(
    directory: string,
    parent: Folder | undefined,
    path: string,
    { isDeleted, leaveOut }: { isDeleted: boolean; leaveOut: ReadonlySet<string> },
  ): void {
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (leaveOut.has(entry.name.toLowerCase())) continue;
      const file = join(directory, entry.name);
      const status = statSync(file, { throwIfNoEntry: false });
      if (entry.isDirectory() && status) {
        const folder = tree.addFolder(parent, entry.name, { modifiedAt: status.mtime, isDeleted });
        readFolder(file, folder, `${path}${entry.name}/`, { isDeleted, leaveOut: new Set() });
      } else if (status?.isFile() === true) {
        const previous = isDeleted || versions === undefined ? [] : previousVersions(join(versions, path, entry.name));
        const newest: DocumentVersion = {
          content: fileContent(file, status.size),
          modifiedAt: status.mtime,
          label: `${previous.length + 1}.0`,
        };
        const seen = versionsAt(at, [...previous, newest]);
        if (seen) tree.addDocument(parent, entry.name, { ...seen, isDeleted });
      }
    }
  }
}

/** Previous versions of `Folder/file.txt` lie in `versions/Folder/file.txt/` as files `1.0`, `2.0` ... */
function previousVersions(directory: string): DocumentVersion[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .sort((a, b) => Number.parseFloat(a) - Number.parseFloat(b))
    .map((label) => {
      const { size, mtime } = statSync(join(directory, label));
      return { content: fileContent(join(directory, label), size), modifiedAt: mtime, label };
    });
}

/** A file without history counts as old as the backup itself, whatever its time stamp says. */
function versionsAt(at: Date, versions: DocumentVersion[]) {
  const seen = versions.filter(({ modifiedAt }) => modifiedAt <= at);
  const visible = seen.length > 0 ? seen : versions.slice(0, 1);
  const current = visible.at(-1);
  return current && { current, previous: visible.slice(0, -1) };
}
