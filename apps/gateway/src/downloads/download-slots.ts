import { TooManyDownloadsError } from '@app/problems';

/** Gives the slot back; harmless when called again. */
export type Release = () => void;

export interface DownloadLimits {
  /** Downloads at the same time of one caller, >= 1. */
  readonly perCaller: number;
  /** Downloads at the same time of all callers of this process, >= 1. */
  readonly total: number;
  readonly retryAfterSeconds: number;
}

/**
 * Bounds the downloads that run at the same time: each holds an upstream connection and about a megabyte, and upstream
 * builds each file on its own disk before it sends the first byte.
 */
export class DownloadSlots {
  private readonly running = new Map<string, number>();
  private inAll = 0;

  constructor(private readonly limits: DownloadLimits) {}

  /** @throws TooManyDownloadsError with the seconds after which to try again. */
  acquire(callerKey: string): Release {
    const own = this.running.get(callerKey) ?? 0;
    if (own >= this.limits.perCaller) throw this.refusal(`You have ${own} downloads running; wait for one to end.`);
    if (this.inAll >= this.limits.total) throw this.refusal('The gateway carries as many downloads as it may.');
    this.running.set(callerKey, own + 1);
    this.inAll++;
    let held = true;
    return () => {
      if (held) this.release(callerKey);
      held = false;
    };
  }

  private release(callerKey: string): void {
    const left = (this.running.get(callerKey) ?? 0) - 1;
    if (left > 0) this.running.set(callerKey, left);
    else this.running.delete(callerKey);
    this.inAll--;
  }

  private refusal(message: string): TooManyDownloadsError {
    return new TooManyDownloadsError(message, { retryAfterSeconds: this.limits.retryAfterSeconds });
  }
}
