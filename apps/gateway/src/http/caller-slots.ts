import type { Principal } from '@app/identity';
import type { DomainError } from '@app/problems';

import { HeldSlots, type Release } from '../infrastructure/held-slots.js';

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
  private readonly slots = new HeldSlots();

  constructor(private readonly limits: SlotLimits) {}

  /** @throws the refusal, with the seconds after which to try again. */
  acquire({ issuer, subject }: Pick<Principal, 'issuer' | 'subject'>): Release {
    const { what, perCaller, total } = this.limits;
    const key = JSON.stringify([issuer, subject]);
    const own = this.slots.of(key);
    if (own >= perCaller) throw this.refusal(`You have ${own} ${what} running; wait for one to end.`);
    if (this.slots.inAll >= total) throw this.refusal(`The gateway carries as many ${what} as it may.`);
    return this.slots.hold(key);
  }

  private refusal(message: string): DomainError {
    const { Refusal, retryAfterSeconds } = this.limits;
    return new Refusal(message, { retryAfterSeconds });
  }
}
