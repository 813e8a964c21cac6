import type { Clock } from '@app/clock';

import type { SecretGroup, SecretValues } from './secret-group.js';
import { SecretSourceError } from './secret-source.js';

/** What came of changed files. */
export type SecretReload =
  | { readonly kind: 'replaced' }
  /** What is in use stays in use. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** The files hold again what is in use. */
  | { readonly kind: 'withdrawn' };

export interface SecretWatchOptions<Name extends string> {
  readonly group: SecretGroup<Name>;
  readonly clock: Clock;
  /** Tries new values before anybody uses them. @throws whatever speaks against them */
  readonly check: (values: SecretValues<Name>) => Promise<void>;
  /** Whether values that were refused for this are worth another try, a minute later, though the files have not changed. Default: all are. */
  readonly isWorthAnotherTry?: (error: unknown) => boolean;
  readonly onReload: (reload: SecretReload) => void;
}

/** Until values that were refused are tried again, ms. */
const TRY_AGAIN_MS = 60_000;

/**
 * Takes over what the files of a group hold once it is the same at two looks in a row, so that neither half a file nor an old certificate
 * with a new password is taken, and once it was tried. What is refused is told once, and changes nothing.
 */
export class SecretWatch<Name extends string> {
  private before: Seen<Name> | undefined;
  private refused: Refusal<Name> | undefined;
  private inUse: SecretValues<Name>;

  /** Of a group that was loaded. */
  constructor(private readonly options: SecretWatchOptions<Name>) {
    this.inUse = options.group.current;
  }

  /** Whether the files hold something that is not used. */
  get isRefused(): boolean {
    return this.refused !== undefined;
  }

  /** To be called again and again, one call after the other. */
  async look(): Promise<void> {
    const { group } = this.options;
    const seen = await this.read();
    this.lookForOthers();
    const isStable = this.before !== undefined && this.isSame(this.before, seen);
    this.before = seen;
    if ('values' in seen && group.areEqual(seen.values, group.current)) {
      if (this.refused) this.tell({ kind: 'withdrawn' });
      this.refused = undefined;
    } else if (isStable && this.isWorthTrying(seen)) {
      await this.take(seen);
    }
  }

  /** Somebody may have replaced it who could not wait for this, as a peer had refused the one before. */
  private lookForOthers(): void {
    const { group } = this.options;
    if (group.areEqual(this.inUse, group.current)) return;
    this.refused = undefined;
    this.tellReplaced();
  }

  private async read(): Promise<Seen<Name>> {
    try {
      return { values: await this.options.group.read() };
    } catch (error) {
      if (!(error instanceof SecretSourceError)) throw error;
      return { fault: error };
    }
  }

  private isWorthTrying(seen: Seen<Name>): boolean {
    const { refused } = this;
    if (!refused || !this.isSame(refused.seen, seen)) return true;
    return 'values' in seen && refused.tryAgainAt !== undefined && this.options.clock.now() >= refused.tryAgainAt;
  }

  private async take(seen: Seen<Name>): Promise<void> {
    const { group, clock, isWorthAnotherTry = () => true } = this.options;
    try {
      if ('fault' in seen) throw seen.fault;
      await this.options.check(seen.values);
      group.replace(seen.values);
    } catch (error) {
      const isKnown = this.refused !== undefined && this.isSame(this.refused.seen, seen);
      this.refused = { seen, tryAgainAt: isWorthAnotherTry(error) ? clock.now() + TRY_AGAIN_MS : undefined };
      if (!isKnown) this.tell({ kind: 'refused', error });
      return;
    }
    this.refused = undefined;
    this.tellReplaced();
  }

  private tellReplaced(): void {
    this.inUse = this.options.group.current;
    this.tell({ kind: 'replaced' });
  }

  private tell(reload: SecretReload): void {
    this.options.onReload(reload);
  }

  private isSame(one: Seen<Name>, other: Seen<Name>): boolean {
    if ('values' in one && 'values' in other) return this.options.group.areEqual(one.values, other.values);
    return 'fault' in one && 'fault' in other && one.fault.message === other.fault.message;
  }
}

/** What the files held at one look. */
type Seen<Name extends string> = { readonly values: SecretValues<Name> } | { readonly fault: SecretSourceError };

interface Refusal<Name extends string> {
  readonly seen: Seen<Name>;
  /** Milliseconds since the Unix epoch; only other files are tried when absent. */
  readonly tryAgainAt: number | undefined;
}
