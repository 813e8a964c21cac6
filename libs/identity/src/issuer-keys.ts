import type { KeyObject } from 'node:crypto';
import type { CancelTimer, Clock } from '@app/clock';
import type { IssuerConfiguration } from '@app/config';
import { IssuerUnavailableError } from '@app/problems';
import { fetchIssuerKeys, IssuerKeysError } from './issuer-documents.js';
import type { VerificationKey } from './json-web-keys.js';
import { TokenRefusedError } from './refusal.js';
import type { AccessTokenHeader } from './token-header.js';

const REFRESH_MS = 10 * 60_000;
/** After a failure: this, doubled each time up to the longest. */
const RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;
/** Callers with unknown key ids make the gateway ask no more often than this. */
const COOLDOWN_MS = 30_000;
/** Keys are used so long after the issuer last confirmed them. */
const LONGEST_STALENESS_MS = 24 * 60 * 60_000;

/** For health: how the gateway stands with one issuer. */
export interface IssuerKeysState {
  readonly issuer: string;
  readonly keyCount: number;
  /** Milliseconds since the Unix epoch; undefined until the issuer answered once. */
  readonly lastRefreshedAt: number | undefined;
  /** The keys, if there are any, were last confirmed too long ago to be used. */
  readonly isStale: boolean;
  /** Why the latest refresh failed; undefined if it did not. Safe to show. */
  readonly lastError: string | undefined;
}

/** The keys of one issuer: refreshed in the background, kept through its outages. */
export class IssuerKeys {
  private keys: readonly VerificationKey[] = [];
  private lastRefreshedAt: number | undefined;
  private lastAttemptAt = -Infinity;
  private lastError: string | undefined;
  private failures = 0;
  private refreshing: Promise<void> | undefined;
  private cancelTimer: CancelTimer | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly issuer: IssuerConfiguration,
    private readonly clock: Clock,
    /** Told of each failed refresh. */
    private readonly onRefreshFailed: (issuer: string, reason: string) => void = () => undefined,
  ) {}

  /** Asks for the keys for the first time, without waiting: an issuer that is down must not keep the service down. */
  start(): void {
    void this.refresh();
  }

  stop(): void {
    this.stopping.abort();
    this.cancelTimer?.();
  }

  /**
   * The one key that the header means.
   *
   * @throws TokenRefusedError if the issuer has no such key, IssuerUnavailableError if that cannot be known now
   */
  async find(header: AccessTokenHeader): Promise<KeyObject> {
    const known = this.lookUp(header);
    if (known) return known;
    await this.refreshUnlessRecent();
    const found = this.lookUp(header);
    if (found) return found;
    if (this.lastError === undefined && !this.isStale()) throw new TokenRefusedError('unknown-key');
    throw new IssuerUnavailableError('The keys of the token issuer cannot be had now.', {
      retryAfterSeconds: COOLDOWN_MS / 1000,
    });
  }

  state(): IssuerKeysState {
    return {
      issuer: this.issuer.issuer,
      keyCount: this.keys.length,
      lastRefreshedAt: this.lastRefreshedAt,
      isStale: this.isStale(),
      lastError: this.lastError,
    };
  }

  private lookUp({ keyId, algorithm }: AccessTokenHeader): KeyObject | undefined {
    if (this.isStale()) return undefined;
    const fitting = this.keys.filter(
      (key) => key.algorithms.includes(algorithm) && (keyId === undefined || key.keyId === keyId),
    );
    return fitting.length === 1 ? fitting[0]?.key : undefined;
  }

  private isStale(): boolean {
    return this.lastRefreshedAt === undefined || this.clock.now() - this.lastRefreshedAt > LONGEST_STALENESS_MS;
  }

  private async refreshUnlessRecent(): Promise<void> {
    const isRecent = this.clock.now() - this.lastAttemptAt < COOLDOWN_MS;
    if (this.refreshing || !isRecent) await this.refresh();
  }

  private refresh(): Promise<void> {
    this.refreshing ??= this.attempt().finally(() => {
      this.refreshing = undefined;
    });
    return this.refreshing;
  }

  private async attempt(): Promise<void> {
    this.cancelTimer?.();
    this.lastAttemptAt = this.clock.now();
    try {
      this.keys = await fetchIssuerKeys(this.issuer, this.clock, this.stopping.signal);
      this.lastRefreshedAt = this.clock.now();
      this.lastError = undefined;
      this.failures = 0;
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      this.lastError = error instanceof IssuerKeysError ? error.message : 'the keys cannot be read';
      this.failures++;
      this.onRefreshFailed(this.issuer.issuer, this.lastError);
    }
    if (!this.stopping.signal.aborted) this.scheduleNext();
  }

  private scheduleNext(): void {
    const delayMs = this.failures === 0 ? REFRESH_MS : Math.min(RETRY_MS * 2 ** (this.failures - 1), LONGEST_RETRY_MS);
    this.cancelTimer = this.clock.schedule(() => void this.refresh(), delayMs);
  }
}
