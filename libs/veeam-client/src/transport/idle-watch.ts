import type { CancelTimer, Clock } from '@app/clock';

/** Calls `onIdle` once nothing was touched for `limitMs` while not paused. One timer, however many touches. */
export class IdleWatch {
  private lastTouch: number;
  private isPaused = false;
  private cancel: CancelTimer;

  constructor(
    private readonly clock: Clock,
    private readonly limitMs: number,
    private readonly onIdle: () => void,
  ) {
    this.lastTouch = clock.now();
    this.cancel = clock.schedule(this.look, limitMs);
  }

  touch(): void {
    this.lastTouch = this.clock.now();
  }

  /** The reader is the slow one now; that is no silence of upstream. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.touch();
  }

  stop(): void {
    this.cancel();
  }

  private readonly look = (): void => {
    const idleMs = this.isPaused ? 0 : this.clock.now() - this.lastTouch;
    if (idleMs >= this.limitMs) this.onIdle();
    else this.cancel = this.clock.schedule(this.look, this.limitMs - idleMs);
  };
}
