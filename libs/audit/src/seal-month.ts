import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isNativeError } from 'node:util/types';

import { auditRecords, auditSeals, auditSinkPositions, type Database, type Orm, within } from '@app/store';
import { and, asc, eq, gte, lte } from 'drizzle-orm';

import { emptyChain, link } from './chain.js';
import { ChainCheck, type ChainFault } from './chain-check.js';
import { readHead, readRows, readWriters } from './chain-reader.js';
import { headLine, lineOf } from './export.js';
import type { Month } from './month.js';
import { lockSeals, readSeals, type Seal, type Seals, startOf } from './seals.js';

/** The month cannot be sealed; the message says why and what to do. */
export class SealRefusedError extends Error {}

/** A chain is broken: it is left as it is. */
export class BrokenChainError extends Error {
  constructor(readonly fault: ChainFault) {
    super(`Chain ${fault.writer} is broken at row ${fault.seq} (${fault.fault}).`);
  }
}

export interface SealOptions {
  readonly month: Month;
  /** Of the archive file that is made. */
  readonly path: string;
  readonly now: Date;
  /** Names of those that have to have everything that is taken out. */
  readonly sinks: readonly string[];
}

export interface SealedMonth {
  readonly rows: number;
  readonly chains: number;
  /** SHA-256 of the archive file, in hexadecimal; undefined when there was nothing to seal and no file was made. */
  readonly digest: string | undefined;
}

/**
 * Takes the rows of a month out of the trail: writes them to a file, puts seals in their place and deletes them, all or nothing.
 * The file is on disk before the rows go; whatever is broken off can be done again. Needs the rights of the tables' owner.
 *
 * Of each chain the beginning is taken, up to the first row that is not older than the end of the month.
 *
 * @throws SealRefusedError, BrokenChainError
 * @throws StoreUnavailableError when it may or may not have been done
 */
export async function sealMonth(database: Database, { month, path, now, sinks }: SealOptions): Promise<SealedMonth> {
  return database.transaction(async (orm) => {
    await lockSeals(orm, 'exclusive');
    const ends = await endsOf(orm, month);
    if (ends.length === 0) return { rows: 0, chains: 0, digest: undefined };
    for (const sink of sinks) await mustHave(orm, sink, ends);
    const { sealed, digest } = await writeArchive(orm, path, ends);
    for (const { writer, seq, hash, rows } of sealed) {
      const deleted = await orm
        .delete(auditRecords)
        .where(and(eq(auditRecords.writer, writer), lte(auditRecords.seq, seq)));
      if (deleted.rowCount !== rows) throw new SealRefusedError('The trail was changed meanwhile; nothing was sealed.');
      await orm.insert(auditSeals).values({ writer, seq, hash, rows, month: month.toString(), digest, sealedAt: now });
    }
    const rows = sealed.reduce((sum, seal) => sum + seal.rows, 0);
    await orm.insert(auditRecords).values(recordOf({ month: month.toString(), digest, rows }, now));
    return { rows, chains: sealed.length, digest };
  });
}

type ArchivedChain = Pick<Seal, 'writer' | 'seq' | 'hash' | 'rows'>;

async function writeArchive(orm: Orm, path: string, ends: readonly ChainEnd[]) {
  try {
    const archive = await Archive.create(path);
    try {
      const sealed = await archive.fill(orm, ends, await readSeals(orm));
      return { sealed, digest: await archive.keep() };
    } finally {
      await archive.close();
    }
  } catch (error) {
    // Would be taken for a failure of the database's connection.
    if (isNativeError(error) && 'syscall' in error && 'code' in error) {
      throw new SealRefusedError(`${path} cannot be written (${String(error.code)}).`);
    }
    throw error;
  }
}

/** That something was taken out is on the trail as well, in a chain of its own. */
function recordOf(detail: { month: string; digest: string; rows: number }, now: Date) {
  const record = { id: randomUUID(), time: now.toISOString(), action: 'audit.sealed' as const, detail };
  return link(emptyChain(randomUUID()), record);
}

interface ChainEnd {
  readonly writer: string;
  /** Of the last row that is taken. */
  readonly seq: number;
}

/** @throws SealRefusedError when an earlier month comes first: a chain is taken out from its beginning only */
async function endsOf(orm: Orm, month: Month): Promise<ChainEnd[]> {
  const ends: ChainEnd[] = [];
  for await (const writer of readWriters(within(orm))) {
    const first = await firstRow(orm, eq(auditRecords.writer, writer));
    if (first === undefined || first.time >= month.end) continue;
    if (first.time < month.start) {
      throw new SealRefusedError(
        `There are records of ${first.time.toISOString().slice(0, 7)}: seal that month first.`,
      );
    }
    const kept = await firstRow(orm, and(eq(auditRecords.writer, writer), gte(auditRecords.time, month.end)));
    const last = kept === undefined ? (await readHead(orm, writer)).seq : kept.seq - 1;
    ends.push({ writer, seq: last });
  }
  return ends;
}

/** @throws SealRefusedError when a sink would never get what is taken out */
async function mustHave(orm: Orm, sink: string, ends: readonly ChainEnd[]): Promise<void> {
  const positions = await orm.select().from(auditSinkPositions).where(eq(auditSinkPositions.sink, sink));
  const reached = new Map(positions.map(({ writer, seq }) => [writer, seq]));
  if (ends.some(({ writer, seq }) => (reached.get(writer) ?? 0) < seq)) {
    throw new SealRefusedError(`The sink ${sink} does not have all of these records yet.`);
  }
}

async function firstRow(orm: Orm, condition: ReturnType<typeof and>) {
  const rows = await orm
    .select({ seq: auditRecords.seq, time: auditRecords.time })
    .from(auditRecords)
    .where(condition)
    .orderBy(asc(auditRecords.seq))
    .limit(1);
  return rows[0];
}

/** The file that rows go to: beside its place until it is whole and on disk. */
class Archive {
  private readonly hash = createHash('sha256');

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  static async create(path: string): Promise<Archive> {
    return new Archive(path, await open(partial(path), 'w', 0o600));
  }

  /**
   * As an export of these rows is, with the heads of what is in it.
   * @throws BrokenChainError
   */
  async fill(orm: Orm, ends: readonly ChainEnd[], seals: Seals): Promise<ArchivedChain[]> {
    const sealed: ArchivedChain[] = [];
    for (const end of ends) {
      const start = startOf(end.writer, seals);
      const check = new ChainCheck(start);
      const condition = and(eq(auditRecords.writer, end.writer), lte(auditRecords.seq, end.seq));
      let head = start;
      let rows = 0;
      for await (const page of readRows(within(orm), condition)) {
        page.forEach((row) => {
          check.add(row);
        });
        await this.write(page.map(lineOf).join(''));
        rows += page.length;
        head = page.at(-1) ?? head;
      }
      const fault = check.result();
      if (fault !== undefined) throw new BrokenChainError(fault);
      sealed.push({ writer: end.writer, seq: head.seq, hash: head.hash, rows });
    }
    await this.write(sealed.map(headLine).join(''));
    return sealed;
  }

  /**
   * What was left by a run that was broken off before it deleted anything is the same file again.
   * @returns the digest
   * @throws SealRefusedError rather than write over anything else
   */
  async keep(): Promise<string> {
    const digest = this.hash.digest('hex');
    await this.file.sync();
    const there = await digestOf(this.path);
    if (there !== undefined && there !== digest) {
      throw new SealRefusedError(`${this.path} is there already and holds something else; name another file.`);
    }
    await rename(partial(this.path), this.path);
    const folder = await open(dirname(this.path));
    await folder.sync();
    await folder.close();
    return digest;
  }

  /** What is not in its place by now is given up. */
  async close(): Promise<void> {
    await this.file.close();
    await rm(partial(this.path), { force: true });
  }

  private async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    this.hash.update(bytes);
    await this.file.writeFile(bytes);
  }
}

function partial(path: string): string {
  return `${path}.partial`;
}

/** Undefined when there is no such file. */
async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
    return hash.digest('hex');
  } catch (error) {
    if (isNativeError(error) && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
