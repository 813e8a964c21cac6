import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, stat, utimes } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Content } from './content.js';
import { versionsFolder } from './files-tree.js';
import type { DocumentVersion } from './item-tree.js';
import { badRequest } from './sandbox-error.js';

/**
 * What to do with a document that is already there and differs. `keep` leaves it in place and writes beside it, under a name that
 * carries the time of the backed-up version, so that doing it twice changes nothing the second time. `merge` makes the restored
 * version the current one and keeps the replaced one in the history.
 */
export type ConflictChoice = 'overwrite' | 'keep' | 'merge';

export type WriteResult = 'written' | 'unchanged';

/** The folder that stands for production Microsoft 365: one sub-folder per OneDrive. */
export class Production {
  private readonly root: string;
  /** The last write to each path that is under way. */
  private readonly writing = new Map<string, Promise<unknown>>();

  constructor(productionDir: string) {
    this.root = resolve(productionDir);
  }

  /** Writes to one path follow one another, as they do in Microsoft 365. */
  async write(path: string, version: DocumentVersion, onConflict: ConflictChoice): Promise<WriteResult> {
    const target = this.inside(path);
    const before = this.writing.get(target) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.writeAlone(path, target, version, onConflict));
    this.writing.set(target, turn);
    try {
      return await turn;
    } finally {
      if (this.writing.get(target) === turn) this.writing.delete(target);
    }
  }

  private async writeAlone(
    path: string,
    target: string,
    version: DocumentVersion,
    onConflict: ConflictChoice,
  ): Promise<WriteResult> {
    if (!(await exists(target))) return this.put(target, version);
    if (await isSame(target, version.content)) return 'unchanged';
    if (onConflict === 'overwrite') return this.put(target, version);
    if (onConflict === 'merge') {
      const { mtime } = await stat(target);
      const history = this.inside(historyPath(path, `replaced ${stampOf(mtime)}`));
      await mkdir(dirname(history), { recursive: true });
      await rename(target, history);
      return this.put(target, version);
    }
    const beside = besideName(target, version.modifiedAt);
    if ((await exists(beside)) && (await isSame(beside, version.content))) return 'unchanged';
    return this.put(beside, version);
  }

  /** Puts an earlier version into the document's history. */
  async writeVersion(path: string, version: DocumentVersion): Promise<void> {
    await this.write(historyPath(path, version.label), version, 'overwrite');
  }

  async makeFolder(path: string): Promise<void> {
    await mkdir(this.inside(path), { recursive: true });
  }

  /** Refuses whatever would leave the production folder. */
  private inside(path: string): string {
    const target = resolve(this.root, join('.', path));
    if (!target.startsWith(this.root + sep)) throw badRequest(`The path '${path}' leaves the target.`);
    return target;
  }

  private async put(target: string, { content, modifiedAt }: DocumentVersion): Promise<WriteResult> {
    await mkdir(dirname(target), { recursive: true });
    const partial = `${target}.partial`;
    await pipeline(Readable.from(content.read()), createWriteStream(partial));
    await utimes(partial, modifiedAt, modifiedAt);
    await rename(partial, target);
    return 'written';
  }
}

/** `Plan.md` becomes `Plan (restored 2026-11-20 02-00-00).md`. */
function besideName(target: string, at: Date): string {
  const dot = target.lastIndexOf('.');
  const isExtension = dot > target.lastIndexOf(sep) + 1;
  const [stem, extension] = isExtension ? [target.slice(0, dot), target.slice(dot)] : [target, ''];
  return `${stem} (restored ${stampOf(at)})${extension}`;
}

/** Histories lie beside the folders of the OneDrives, not in them. */
function historyPath(path: string, name: string): string {
  return `.${versionsFolder}/${path}/${name}`;
}

function stampOf(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '-');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function isSame(path: string, content: Content): Promise<boolean> {
  const { size } = await stat(path);
  if (size !== content.size) return false;
  const there = createReadStream(path);
  return (await digestOf(there as AsyncIterable<Buffer>)) === (await digestOf(content.read()));
}

async function digestOf(pieces: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}
