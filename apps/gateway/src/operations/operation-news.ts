import { EventEmitter, once } from 'node:events';

import { type CancelTimer, type Clock } from '@app/clock';
import { type Operation, OperationsRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { CLOCK } from '../infrastructure/tokens.js';

/** How often operations are looked at that another replica may be running. */
const LOOK_EVERY_MS = 1_000;

/**
 * Tells whoever watches an operation that something happened to it: at once what this replica did, what others did at the next look. One
 * look is for all that are watched, however many they are and however many watch.
 */
@Injectable()
export class OperationNews {
  private readonly watched = new Map<string, Set<OperationWatch>>();
  private cancelLook: CancelTimer | undefined;
  private isLooking = false;

  constructor(
    private readonly operations: OperationsRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  announce({ id }: Pick<Operation, 'id'>): void {
    for (const watch of this.watchesOf(id)) watch.wake();
  }

  /** From now on nothing is missed; to be stopped at the end. */
  watch({ id }: Pick<Operation, 'id'>): OperationWatch {
    const watch: OperationWatch = new OperationWatch(() => {
      this.unwatch(id, watch);
    });
    this.watched.set(id, this.watchesOf(id).add(watch));
    if (!this.isLooking && this.cancelLook === undefined) this.lookLater();
    return watch;
  }

  private unwatch(id: string, watch: OperationWatch): void {
    const watches = this.watchesOf(id);
    watches.delete(watch);
    if (watches.size === 0) this.watched.delete(id);
    if (this.watched.size > 0) return;
    this.cancelLook?.();
    this.cancelLook = undefined;
  }

  private watchesOf(id: string): Set<OperationWatch> {
    return this.watched.get(id) ?? new Set();
  }

  private lookLater(): void {
    this.cancelLook = this.clock.schedule(() => {
      this.cancelLook = undefined;
      this.isLooking = true;
      void this.look().finally(() => {
        this.isLooking = false;
        if (this.watched.size > 0) this.lookLater();
      });
    }, LOOK_EVERY_MS);
  }

  private async look(): Promise<void> {
    try {
      for (const [id, sequence] of await this.operations.lastSequences([...this.watched.keys()])) {
        for (const watch of this.watchesOf(id)) {
          if (sequence > watch.seen) watch.wake();
        }
      }
    } catch (error) {
      for (const watch of [...this.watched.values()].flatMap((watches) => [...watches])) watch.fail(error);
    }
  }
}

/** One who watches an operation. */
export class OperationWatch {
  private readonly told = new EventEmitter();
  private lastSeen = 0;
  private hasNews = false;

  constructor(readonly stop: () => void) {}

  /** Of the last event that is no news. */
  get seen(): number {
    return this.lastSeen;
  }

  /**
   * Resolves when something may have happened since the last time, and once `enough` is aborted.
   * @param seen of the last event that is no news
   * @throws StoreUnavailableError while it cannot be found out
   */
  async news(seen: number, enough: AbortSignal): Promise<void> {
    this.lastSeen = seen;
    try {
      if (!this.hasNews) await once(this.told, 'news', { signal: enough });
    } catch (error) {
      if (!enough.aborted) throw error;
    }
    this.hasNews = false;
  }

  wake(): void {
    this.hasNews = true;
    this.told.emit('news');
  }

  /** Whoever does not wait now will find out by looking. */
  fail(error: unknown): void {
    if (this.told.listenerCount('error') > 0) this.told.emit('error', error);
  }
}
