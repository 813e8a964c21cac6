import { inspect } from 'node:util';

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/**
 * A value that must not be seen: it prints as `[redacted]` wherever it is printed, serialized or
 * inspected. `expose()` is the one way to the value and is called only where it goes onto the wire.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  expose(): string {
    return this.#value;
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
