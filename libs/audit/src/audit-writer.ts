import { randomUUID } from 'node:crypto';

import type { CancelTimer, Clock } from '@app/clock';
import type { Logger } from '@app/logging';
import { StoreUnavailableError } from '@app/problems';
import { auditRecords, type Database, type Orm, UniqueViolation } from '@app/store';

import type { AuditRecord, NewAuditRecord } from './audit-record.js';
import { canonicalJson } from './canonical-json.js';
import { type ChainHead, emptyChain, link } from './chain.js';
import { readHead } from './chain-reader.js';

/**
 * A change that is made if and only if its record is written. It gets the batch's transaction and uses nothing else, may be
 * run a second time after a failure, and says false when there was nothing to change.
 */
export type AccompanyingUpdate = (orm: Orm) => Promise<boolean>;

export interface AuditWriterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Waiting {
  readonly records: readonly Omit<AuditRecord, 'writer' | 'seq'>[];
  readonly update: AccompanyingUpdate | undefined;
  readonly resolve: (result: 'recorded' | 'dropped') => void;
  readonly reject: (error: unknown) => void;
}

/** What became of one record, once its transaction is committed. */
type Verdict = 'recorded' | 'dropped' | UniqueViolation;

const LARGEST_BATCH = 256;
const HEAD_EVERY_MS = 60_000;

/**
 * Writes the trail of this process: one hash chain, records that wait are written together in one transaction, and one
 * transaction is under way at a time.
 */
export class AuditWriter {
  private durableHead: ChainHead = emptyChain(randomUUID());
  /** False after a failure: it may have been the answer to a commit that got lost, and not the commit. */
  private isHeadCertain = true;
  private readonly waiting: Waiting[] = [];
  private isWriting = false;
  private written: Promise<void> = Promise.resolve();
  private isClosed = false;
  /** Set with the first record: before that there is no head, and nothing that would keep a failed start alive. */
  private cancelHead: CancelTimer | undefined;

  constructor(private readonly options: AuditWriterOptions) {}

  /**
   * Resolves once the record is committed, or dropped because its update said false; several go together. Never to be awaited within a
   * transaction: the batch could wait for its locks.
   * @throws StoreUnavailableError when it could not be committed, or its commit was not confirmed
   * @throws UniqueViolation when a unique index refused its update; its record is dropped
   * @throws InternalError when the record cannot be written as canonical JSON
   */
  async append(
    record: NewAuditRecord | readonly NewAuditRecord[],
    alsoInTheSameTransaction?: AccompanyingUpdate,
  ): Promise<'recorded' | 'dropped'> {
    if (this.isClosed) throw new StoreUnavailableError('The audit trail is closed.');
    const time = new Date(this.options.clock.now()).toISOString();
    const records = [record].flat().map((one: NewAuditRecord) => ({ ...one, id: randomUUID(), time }));
    // What has no canonical text is refused here, where it costs nobody else the batch.
    canonicalJson(records);
    if (this.cancelHead === undefined) this.logHeadLater();
    return new Promise((resolve, reject) => {
      this.waiting.push({ records, update: alsoInTheSameTransaction, resolve, reject });
      if (!this.isWriting) this.written = this.writeWaiting();
    });
  }

  /** Where the chain ends, as far as the database has confirmed it. */
  head(): ChainHead {
    return this.durableHead;
  }

  /**
   * Writes what waits and then `last`, which nothing can follow, and the last head to the log. Comes before the database is closed.
   * @throws as `append`, of `last`
   */
  async close(last?: NewAuditRecord): Promise<void> {
    const ended = last === undefined ? undefined : this.append(last);
    this.isClosed = true;
    try {
      await ended;
    } finally {
      this.cancelHead?.();
      await this.written;
      this.logHead();
    }
  }

  private async writeWaiting(): Promise<void> {
    this.isWriting = true;
    while (this.waiting.length > 0) {
      await this.write(this.waiting.splice(0, LARGEST_BATCH));
    }
    this.isWriting = false;
  }

  /** Never rejects: the callers of `append` are told. */
  private async write(batch: readonly Waiting[], isRetry = false): Promise<void> {
    try {
      const { verdicts, head } = await this.commit(batch);
      this.durableHead = head;
      this.isHeadCertain = true;
      verdicts.forEach((settle) => {
        settle();
      });
    } catch (error) {
      this.isHeadCertain = false;
      if (isRetry || error instanceof StoreUnavailableError) {
        batch.forEach(({ reject }) => {
          reject(error);
        });
        return;
      }
      // One record, a deadlock, or a commit that arrived late is at fault: each alone, nobody pays for another.
      for (const one of batch) {
        await this.write([one], true);
      }
    }
  }

  private commit(batch: readonly Waiting[]): Promise<{ verdicts: (() => void)[]; head: ChainHead }> {
    return this.options.database.transaction(async (orm) => {
      const verdicts: (() => void)[] = [];
      const rows = [];
      let head = this.isHeadCertain ? this.durableHead : await readHead(orm, this.durableHead.writer);
      for (const one of batch) {
        const verdict = await this.update(orm, one.update);
        for (const record of verdict === 'recorded' ? one.records : []) {
          const row = link(head, record);
          rows.push(row);
          head = row;
        }
        verdicts.push(() => {
          if (verdict instanceof UniqueViolation) one.reject(verdict);
          else one.resolve(verdict);
        });
      }
      if (rows.length > 0) await orm.insert(auditRecords).values(rows);
      return { verdicts, head: { writer: head.writer, seq: head.seq, hash: head.hash } };
    });
  }

  /** In a savepoint: what is refused leaves nothing behind and does not end the batch's transaction. */
  private async update(orm: Orm, update: AccompanyingUpdate | undefined): Promise<Verdict> {
    if (update === undefined) return 'recorded';
    try {
      await this.options.database.run(() =>
        orm.transaction(async (savepoint) => {
          if (!(await update(savepoint))) throw new NothingToChange();
        }),
      );
      return 'recorded';
    } catch (error) {
      if (error instanceof NothingToChange) return 'dropped';
      if (error instanceof UniqueViolation) return error;
      throw error;
    }
  }

  private logHeadLater(): void {
    this.cancelHead = this.options.clock.schedule(() => {
      this.logHead();
      this.logHeadLater();
    }, HEAD_EVERY_MS);
  }

  private logHead(): void {
    if (this.durableHead.seq > 0) this.options.logger.info({ head: this.durableHead }, 'audit head');
  }
}

/** Rolls the savepoint back. */
class NothingToChange extends Error {}
