import type { CancelTimer, Clock } from '@app/clock';

/** Of a lease, this part must be left for something to be sent under it. */
const LEFT_FOR_SENDING = 1 / 3;

export interface LeaseOptions {
  readonly clock: Clock;
  /** ms */
  readonly durationMs: number;
  readonly renewEveryMs: number;
  /** @returns false when the claim was lost; rejects when nobody could be asked */
  readonly renew: (until: Date) => Promise<boolean>;
  readonly onFailure: (error: unknown) => void;
}

/** The time for which a replica may act for an operation, renewed until it is given up. */
export class Lease {
  private until: number;
  private isLost = false;
  private cancel: CancelTimer = () => undefined;

  /** @param until as it was claimed */
  constructor(
    until: Date,
    private readonly options: LeaseOptions,
  ) {
    this.until = until.getTime();
    this.renewLater();
  }

  /** Whether nobody else may have taken the operation over by now, nor will while a request is on its way. */
  readonly allowsSending = (): boolean => {
    const { clock, durationMs } = this.options;
    return !this.isLost && clock.now() < this.until - durationMs * LEFT_FOR_SENDING;
  };

  /** Tells of a renewal that somebody else has written. */
  renewedUntil(until: Date): void {
    this.until = until.getTime();
  }

  stop(): void {
    this.cancel();
    this.cancel = () => undefined;
    this.isLost = true;
  }

  private renewLater(): void {
    const { clock, renewEveryMs } = this.options;
    this.cancel = clock.schedule(() => {
      void this.renew();
      this.renewLater();
    }, renewEveryMs);
  }

  private async renew(): Promise<void> {
    const { clock, durationMs, renew, onFailure } = this.options;
    const until = new Date(clock.now() + durationMs);
    try {
      if (await renew(until)) this.until = until.getTime();
      else this.stop();
    } catch (error) {
      onFailure(error);
    }
  }
}
