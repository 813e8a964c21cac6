import type { CancelTimer, Clock } from '@app/clock';

import { digestOf, PolicyEngine } from './policy-engine.js';
import { emergencyStop } from './emergency-stop.js';
import { defaultPolicyFolder, readPolicyFiles } from './policy-files.js';
import type { PolicySetTexts } from './policy-set.js';

/** What came of a change in the folder. */
export type PolicyReload =
  | { readonly kind: 'replaced'; readonly digest: string; readonly replaced: string }
  /** The set in force stays in force. The error is a `PolicySetError` that lists the faults. */
  | { readonly kind: 'refused'; readonly error: unknown };

export interface PolicySourceOptions {
  /** Whether it starts with every action denied. */
  readonly isStopped?: boolean;
  /** Default: the policies that come with the gateway. */
  readonly folder?: string | undefined;
  /** Called for every set that is put in force or refused after the first; for the log and the audit trail. */
  readonly onReload?: (reload: PolicyReload) => void;
}

/** The policies in force: a folder of `*.cedar` files. A new set replaces the old one as a whole, or not at all. */
export class PolicySource {
  private readonly folder: string;
  private readonly onReload: (reload: PolicyReload) => void;
  private isStopped: boolean;
  private inForce: InForce;
  private lastRefused: string | undefined;

  /** @throws PolicySetError when the first set is no good: there is nothing to decide by */
  constructor({
    folder = defaultPolicyFolder(),
    onReload = () => undefined,
    isStopped = false,
  }: PolicySourceOptions = {}) {
    this.folder = folder;
    this.onReload = onReload;
    this.isStopped = isStopped;
    this.inForce = this.load(readPolicyFiles(folder));
  }

  /** For one decision; ask again for the next one, the set may have been replaced. */
  get engine(): PolicyEngine {
    return this.inForce.engine;
  }

  /** Of the set in force as it lies in the folder; SHA-256 in hexadecimal. The emergency stop is not in it. */
  get digest(): string {
    return this.inForce.digest;
  }

  /** Denies every action by the policy `emergency-stop-switch` from the next decision on, or no longer. Other policies stay as they are. */
  setEmergencyStop(isStopped: boolean): void {
    if (isStopped === this.isStopped) return;
    this.isStopped = isStopped;
    this.inForce = this.load(this.inForce.texts);
  }

  /** Reads the folder now. What is broken is told once, and changes nothing. */
  reload(): void {
    this.take(this.look());
  }

  /**
   * Looks into the folder every `intervalMs` milliseconds and takes a change that is the same at two looks in a row:
   * half a set of files can be a valid set, without the forbids of the other half.
   * @returns stops it
   */
  watch(clock: Clock, intervalMs: number): CancelTimer {
    let before: string | undefined;
    const next = (): CancelTimer =>
      clock.schedule(() => {
        const seen = this.look();
        if (seen.fingerprint === before) {
          this.take(seen);
        }
        before = seen.fingerprint;
        cancel = next();
      }, intervalMs);
    let cancel = next();
    return () => {
      cancel();
    };
  }

  private look(): Seen {
    try {
      const texts = readPolicyFiles(this.folder);
      return { fingerprint: digestOf(texts), load: () => this.load(texts) };
    } catch (error) {
      return {
        fingerprint: String(error),
        load: () => {
          throw error;
        },
      };
    }
  }

  private load(texts: PolicySetTexts): InForce {
    const policies = this.isStopped ? [...texts.policies, emergencyStop] : texts.policies;
    return { texts, digest: digestOf(texts), engine: PolicyEngine.load({ ...texts, policies }) };
  }

  private take({ fingerprint, load }: Seen): void {
    const replaced = this.inForce.digest;
    if (fingerprint === replaced) {
      this.lastRefused = undefined;
      return;
    }
    if (fingerprint === this.lastRefused) {
      return;
    }
    try {
      this.inForce = load();
      this.lastRefused = undefined;
    } catch (error) {
      this.lastRefused = fingerprint;
      this.onReload({ kind: 'refused', error });
      return;
    }
    this.onReload({ kind: 'replaced', digest: fingerprint, replaced });
  }
}

/** What lay in the folder, to be loaded or not. */
interface Seen {
  readonly fingerprint: string;
  readonly load: () => InForce;
}

interface InForce {
  /** As they lie in the folder. */
  readonly texts: PolicySetTexts;
  readonly digest: string;
  readonly engine: PolicyEngine;
}
