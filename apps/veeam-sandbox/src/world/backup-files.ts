import { statSync } from 'node:fs';
import { join } from 'node:path';
import { syntheticContent, textContent } from './content.js';
import { readFilesInto } from './files-tree.js';
import { ItemTree } from './item-tree.js';
import type { OneDrive, Organization } from './organizations.js';

export interface BigOneDriveSize {
  bytes: number;
  documents: number;
  /** Further documents of a few bytes in the folder `Many`. */
  manySmall: number;
}

/** Makes the content of OneDrives: from the served folder where it has something for them, else made up. */
export class BackupFiles {
  constructor(
    private readonly filesDir: string,
    private readonly historyDir: string | undefined,
    private readonly organizations: () => readonly Organization[],
    readonly bigOneDrive: BigOneDriveSize,
  ) {}

  treeOf(oneDrive: OneDrive, backup: Date, showDeleted: boolean): ItemTree {
    const tree = new ItemTree(oneDrive.id);
    const own = join(this.filesDir, oneDrive.folderName);
    const old = new Date(backup.getTime() - 90 * 24 * 60 * 60 * 1000);
    const history = this.historyDir === undefined ? undefined : join(this.historyDir, oneDrive.folderName);
    if (statSync(own, { throwIfNoEntry: false })?.isDirectory() === true) {
      readFilesInto(tree, own, { at: backup, showDeleted, history });
    } else if (oneDrive.defaultContent === 'shared-files') {
      readFilesInto(tree, this.filesDir, { at: backup, showDeleted, history, except: this.foldersOfPeople() });
    } else if (oneDrive.defaultContent === 'a-note') {
      const folder = tree.addFolder(undefined, 'Notes', { modifiedAt: old });
      const content = textContent(`A note of ${oneDrive.owner.displayName} in ${oneDrive.folderName}.\n`);
      tree.addDocument(folder, 'Note.txt', { current: { content, modifiedAt: old, label: '1.0' } });
    } else if (oneDrive.defaultContent === 'synthetic-big') {
      this.addSynthetic(tree, old);
    }
    return tree;
  }

  private addSynthetic(tree: ItemTree, modifiedAt: Date): void {
    const { bytes, documents, manySmall } = this.bigOneDrive;
    const archive = tree.addFolder(undefined, 'Archive', { modifiedAt });
    const each = Math.floor(bytes / documents);
    for (let i = 0; i < documents; i++) {
      const size = i === documents - 1 ? bytes - each * (documents - 1) : each;
      const name = `part-${String(i + 1).padStart(4, '0')}.bin`;
      tree.addDocument(archive, name, { current: { content: syntheticContent(name, size), modifiedAt, label: '1.0' } });
    }
    if (manySmall === 0) return;
    const many = tree.addFolder(undefined, 'Many', { modifiedAt });
    for (let i = 0; i < manySmall; i++) {
      const name = `document-${String(i + 1).padStart(6, '0')}.txt`;
      tree.addDocument(many, name, { current: { content: textContent(`${name}\n`), modifiedAt, label: '1.0' } });
    }
  }

  private foldersOfPeople(): Set<string> {
    const oneDrives = this.organizations().flatMap((organization) => organization.oneDrives);
    return new Set(oneDrives.map(({ folderName }) => folderName.toLowerCase()));
  }
}
