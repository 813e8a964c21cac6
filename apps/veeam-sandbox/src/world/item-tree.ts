import { guidOf } from './deterministic-id.js';
import type { Content } from './content.js';

/** One version of a document's bytes. */
export interface DocumentVersion {
  readonly content: Content;
  readonly modifiedAt: Date;
  /** Such as `2.0`. */
  readonly label: string;
}

interface ItemFacts {
  readonly id: string;
  readonly name: string;
  /** Of the containing folder; undefined at the root. */
  readonly parentId: string | undefined;
  /** From the root, with `/` between the parts. */
  readonly path: string;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  readonly isDeleted: boolean;
}

export interface Folder extends ItemFacts {
  readonly kind: 'folder';
}

export interface Document extends ItemFacts {
  readonly kind: 'document';
  readonly current: DocumentVersion;
  /** Oldest first. */
  readonly previous: readonly DocumentVersion[];
}

export type Item = Folder | Document;

/** The folders and documents of one OneDrive as a restore session sees them, parents before children. */
export class ItemTree {
  private readonly items = new Map<string, Item>();
  private readonly children = new Map<string | undefined, Item[]>();

  constructor(private readonly oneDriveId: string) {}

  addFolder(parent: Folder | undefined, name: string, facts: { modifiedAt: Date; isDeleted?: boolean }): Folder {
    return this.add({ kind: 'folder', ...this.factsOf('folder', parent, name, facts), modifiedAt: facts.modifiedAt });
  }

  addDocument(
    parent: Folder | undefined,
    name: string,
    versions: { current: DocumentVersion; previous?: readonly DocumentVersion[]; isDeleted?: boolean },
  ): Document {
    const { current, previous = [] } = versions;
    const createdAt = (previous[0] ?? current).modifiedAt;
    const facts = this.factsOf('document', parent, name, {
      modifiedAt: createdAt,
      isDeleted: versions.isDeleted ?? false,
    });
    return this.add({ kind: 'document', ...facts, modifiedAt: current.modifiedAt, current, previous });
  }

  find(id: string): Item | undefined {
    return this.items.get(id.toLowerCase());
  }

  /** Undefined means the root. */
  childrenOf(parentId: string | undefined): readonly Item[] {
    return this.children.get(parentId) ?? [];
  }

  all(): Item[] {
    return [...this.items.values()];
  }

  /** Those with this in their names, without regard to case. */
  named(part: string): Item[] {
    return this.all().filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
  }

  /** The item itself and everything in it, parents first. */
  below(item: Item): Item[] {
    if (item.kind === 'document') return [item];
    return [item, ...this.childrenOf(item.id).flatMap((child) => this.below(child))];
  }

  private add<T extends Item>(item: T): T {
    this.items.set(item.id, item);
    const siblings = this.children.get(item.parentId) ?? [];
    siblings.push(item);
    this.children.set(item.parentId, siblings);
    return item;
  }

  private factsOf(
    kind: string,
    parent: Folder | undefined,
    name: string,
    { modifiedAt, isDeleted = false }: { modifiedAt: Date; isDeleted?: boolean },
  ): ItemFacts {
    const path = parent ? `${parent.path}/${name}` : name;
    const state = isDeleted ? 'deleted ' : '';
    return {
      id: guidOf(`${state}${kind}:${this.oneDriveId}:${path}`),
      name,
      parentId: parent?.id,
      path,
      createdAt: modifiedAt,
      modifiedAt,
      isDeleted,
    };
  }
}
