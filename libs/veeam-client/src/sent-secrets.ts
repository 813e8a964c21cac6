import { Scrubber, type Secret } from '@app/secrets';

import type { Outcome, RestoreEvent } from './model.js';

/** Besides those that are configured: tokens, and device codes. */
const MOST_KNOWN = 100;

/**
 * Knows what goes up to upstream, so that none of it comes back in upstream's words: those of an error go to the log, those about a restore
 * go on record and to callers. What upstream says of the catalog is left as it is, since it says so of itself.
 */
export class SentSecrets {
  private readonly scrubber = new Scrubber();
  /** By value, those sent last at the end. */
  private readonly known = new Map<string, () => void>();

  /** @param configured all of them: upstream may repeat what went up long ago, or with another request */
  constructor(private readonly configured: readonly { readonly current: Secret }[] = []) {}

  sending(secrets: readonly Secret[]): void {
    for (const secret of secrets) this.remember(secret);
  }

  /** Upstream's words without what was sent to it. */
  scrub(words: string): string {
    for (const { current } of this.configured) this.remember(current);
    return this.scrubber.scrub(words);
  }

  scrubOutcome<T extends Pick<Outcome, 'issues'>>(outcome: T): T {
    const issues = outcome.issues.map(({ path, title, severity, message }) => ({
      severity,
      path: this.scrubAny(path),
      title: this.scrubAny(title),
      message: this.scrub(message),
    }));
    return { ...outcome, issues };
  }

  scrubEvent(event: RestoreEvent): RestoreEvent {
    return { ...event, itemName: this.scrubAny(event.itemName), message: this.scrub(event.message) };
  }

  private scrubAny(words: string | undefined): string | undefined {
    return words === undefined ? undefined : this.scrub(words);
  }

  private remember(secret: Secret): void {
    const value = secret.expose();
    const forget = this.known.get(value) ?? this.scrubber.register(secret);
    this.known.delete(value);
    this.known.set(value, forget);
    const [oldest] = this.known.keys();
    if (this.known.size <= MOST_KNOWN + this.configured.length || oldest === undefined) return;
    this.known.get(oldest)?.();
    this.known.delete(oldest);
  }
}
