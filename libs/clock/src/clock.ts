/** Where every deadline, lease and age of the gateway takes its time from, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Runs `callback` once, `delayMs` milliseconds (>= 0) from now, unless the returned function is called before. */
  schedule(callback: () => void, delayMs: number): CancelTimer;
}

/** Cancels a scheduled callback; harmless once it has run. */
export type CancelTimer = () => void;

/** The longest delay a Node.js timer takes (2^31 - 1 ms); a longer one would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  schedule(callback: () => void, delayMs: number): CancelTimer {
    const timer = setTimeout(callback, Math.min(delayMs, LONGEST_TIMER_MS));
    return () => {
      clearTimeout(timer);
    };
  }
}

/** Resolves after `delayMs` milliseconds; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.schedule(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** What `work` comes to, if it does so within `limitMs` milliseconds; undefined otherwise, and the work goes on. Rejects as the work does. */
export async function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T | undefined> {
  const done = new AbortController();
  const limit = sleep(clock, limitMs, done.signal).catch(() => undefined);
  try {
    return await Promise.race([work, limit.then(() => undefined)]);
  } finally {
    done.abort();
  }
}
