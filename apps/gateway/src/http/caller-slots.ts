import type { Principal } from '@app/identity';
import type { DomainError } from '@app/problems';

/** Gives the slot back; harmless when called again. */
export type Release = () => void;

export interface SlotLimits {
  /** What is bounded, in the plural, for the text of a refusal. */
  readonly what: string;
  /** At the same time of one caller, >= 1. */
  readonly perCaller: number;
  /** At the same time of all callers of this process, >= 1. */
  readonly total: number;
  readonly retryAfterSeconds: number;
  readonly Refusal: new (message: string, options: { readonly retryAfterSeconds: number }) => DomainError;
}

/** Bounds the answers that last, of one caller and of all of them: each holds a connection and some memory. */
export class CallerSlots {
  private readonly running = new Map<string, number>();
  private inAll = 0;

  constructor(private readonly limits: SlotLimits) {}

  /** @throws the refusal, with the seconds after which to try again. */
  acquire({ issuer, subject }: Pick<Principal, 'issuer' | 'subject'>): Release {
    const { what, perCaller, total } = this.limits;
    const key = JSON.stringify([issuer, subject]);
    const own = this.running.get(key) ?? 0;
    if (own >= perCaller) throw this.refusal(`You have ${own} ${what} running; wait for one to end.`);
    if (this.inAll >= total) throw this.refusal(`The gateway carries as many ${what} as it may.`);
    this.running.set(key, own + 1);
    this.inAll++;
    let held = true;
    return () => {
      if (held) this.release(key);
      held = false;
    };
  }

  private release(key: string): void {
    const left = (this.running.get(key) ?? 0) - 1;
    if (left > 0) this.running.set(key, left);
    else this.running.delete(key);
    this.inAll--;
  }

  private refusal(message: string): DomainError {
    const { Refusal, retryAfterSeconds } = this.limits;
    return new Refusal(message, { retryAfterSeconds });
  }
}
