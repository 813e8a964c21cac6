import { formsOf } from './secret-forms.js';
import { MultiPattern } from './multi-pattern.js';
import { redactTokens } from './token-shapes.js';
import type { SecretSource } from './secret-source.js';
import { REDACTED, type Secret } from './secret.js';

/** Of one source, besides the one in use: bounded, for a secret that is replaced every hour. */
const MOST_KNOWN = 50;

/**
 * The last line of defence before a log line or a stored text: replaces every secret it knows, in whatever form, and whatever
 * looks like a bearer token. Secrets of fewer than 6 characters are not replaced.
 */
export class Scrubber {
  /** By value, counted, as the same value may come from two sources. */
  readonly #known = new Map<string, { forms: ReadonlySet<string>; count: number }>();
  #pattern: MultiPattern | undefined;

  /** Makes the secret known, until the returned function is called. Keep it known as long as anything may still use it. */
  register(secret: Secret): () => void {
    const value = secret.expose();
    const entry = this.#known.get(value) ?? { forms: formsOf(value), count: 0 };
    entry.count++;
    this.#known.set(value, entry);
    this.#pattern = undefined;
    let isRegistered = true;
    return () => {
      if (!isRegistered) return;
      isRegistered = false;
      entry.count--;
      if (entry.count > 0) return;
      this.#known.delete(value);
      this.#pattern = undefined;
    };
  }

  /** Makes the secret of a source known, and each that is read later; old ones stay known, since what was sent with one may be answered late. */
  follow(source: SecretSource): void {
    const others: (() => void)[] = [];
    let inUse = source.current;
    let forgetInUse = this.register(inUse);
    source.onRead((secret) => {
      others.push(this.register(secret));
      if (!source.current.equals(inUse)) {
        others.push(forgetInUse);
        inUse = source.current;
        forgetInUse = this.register(inUse);
      }
      if (others.length > MOST_KNOWN) others.shift()?.();
    });
  }

  /** The text with `[redacted]` in place of secrets; the very same text when it holds none. */
  scrub(text: string): string {
    this.#pattern ??= new MultiPattern([...this.#known.values()].flatMap(({ forms }) => [...forms]));
    return redactTokens(this.#pattern.replaceAll(text, REDACTED));
  }
}
