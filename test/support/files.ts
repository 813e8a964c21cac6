import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type Entry, fromBuffer, type Options, type ZipFile } from 'yauzl';

/** SHA-256 of contents by path, with `/` between its parts: equal maps mean the same files, byte for byte. */
export type Digests = Record<string, string>;

/** Of every file below a folder; a folder that is not there holds none. */
export async function digestsBelow(folder: string): Promise<Digests> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(
      files.map(async (file) => [file.slice(folder.length + 1), sha256(await readFile(file))] as const),
    ),
  );
}

/** Of every file in a ZIP, whose checksums and end record are verified on the way. */
export async function digestsInZip(bytes: Buffer): Promise<Digests> {
  const zip = await open(bytes, { lazyEntries: true });
  const digests: Digests = {};
  zip.on('entry', (entry: Entry) => {
    digestOf(zip, entry)
      .then((digest) => {
        if (digest !== undefined) digests[entry.fileName] = digest;
        zip.readEntry();
      })
      .catch((error: unknown) => zip.emit('error', error));
  });
  zip.readEntry();
  await once(zip, 'end');
  return digests;
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function emptyFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
}

const open = promisify<Buffer, Options, ZipFile>(fromBuffer);

/** Undefined for a folder. */
async function digestOf(zip: ZipFile, entry: Entry): Promise<string | undefined> {
  if (entry.fileName.endsWith('/')) return undefined;
  const stream = await promisify<Entry, NodeJS.ReadableStream>(zip.openReadStream.bind(zip))(entry);
  return sha256(await buffer(stream));
}
