import type { CancelTimer, Clock } from './clock.js';

interface Timer {
  dueAt: number;
  callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  private readonly timers = new Set<Timer>();

  constructor(private time: number = Date.UTC(2026, 0, 15, 12)) {}

  now(): number {
    return this.time;
  }

  schedule(callback: () => void, delayMs: number): CancelTimer {
    const timer = { dueAt: this.time + delayMs, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Moves time on and runs what falls due, in order, letting promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (let next = this.nextDue(end); next; next = this.nextDue(end)) {
      this.time = Math.max(this.time, next.dueAt);
      this.timers.delete(next);
      next.callback();
      await new Promise(setImmediate);
    }
    this.time = end;
    await new Promise(setImmediate);
  }

  private nextDue(end: number): Timer | undefined {
    return [...this.timers].filter((timer) => timer.dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0];
  }
}
