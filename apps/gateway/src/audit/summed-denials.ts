import type { NewAuditRecord } from '@app/audit';
import type { CancelTimer, Clock } from '@app/clock';

/** How long denials are counted together. */
const WINDOW_MS = 60_000;

/** What is kept in memory at most: denials of further kinds are written one by one, whatever their rate. */
const MOST_KINDS = 10_000;

export interface SummedDenialsOptions {
  /** So many denials of a kind are written one by one in a minute. */
  readonly perMinute: number;
  readonly clock: Clock;
  /** @throws when it could not be written */
  readonly write: (record: NewAuditRecord) => Promise<unknown>;
  /** Told of a sum that could not be written. It is tried again with the next one, unless this was the last. */
  readonly onUnwritten: (error: unknown, sum: NewAuditRecord) => void;
}

/** Denials of one caller, to do one kind of thing in one organization. */
interface Kind extends Pick<NewAuditRecord, 'actor' | 'action' | 'organization'> {
  /** In this minute: on record, or on the way there. */
  written: number;
  /** Those beyond the rate. */
  summed: number;
  readonly policies: Set<string>;
  from: number;
  to: number;
}

/**
 * Puts denials on record: one by one up to a rate, and as one record with their number what comes beyond it in a minute. So
 * nobody floods the trail, and no denial is without a trace.
 */
export class SummedDenials {
  private kinds = new Map<string, Kind>();
  private cancelTimer: CancelTimer | undefined;
  private closing: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly options: SummedDenialsOptions) {}

  /** Resolves once the denial is written, or at once if it is only counted. @throws when it should be written and could not be */
  async record(denial: NewAuditRecord): Promise<void> {
    const { perMinute, write, clock } = this.options;
    const kind = this.kindOf(denial);
    if (kind === undefined) {
      await write(denial);
    } else if (kind.written >= perMinute) {
      if (kind.summed++ === 0) kind.from = clock.now();
      kind.to = clock.now();
      denial.policies?.forEach((id) => kind.policies.add(id));
    } else {
      kind.written++;
      try {
        await write(denial);
      } catch (error) {
        // Without a record there is no denial, and while there is no record nothing is only counted.
        kind.written--;
        throw error;
      }
    }
  }

  /** Writes what was counted so far. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.cancelTimer?.();
    await this.closing;
    await this.closeWindow();
  }

  /** @returns undefined when there are too many */
  private kindOf(denial: NewAuditRecord): Kind | undefined {
    const key = keyOf(denial);
    const known = this.kinds.get(key);
    if (known !== undefined || this.kinds.size >= MOST_KINDS) return known;
    const { actor, action, organization } = denial;
    const kind = { actor, action, organization, written: 0, summed: 0, policies: new Set<string>(), from: 0, to: 0 };
    this.keep(key, kind);
    return kind;
  }

  private keep(key: string, kind: Kind): void {
    this.kinds.set(key, kind);
    if (this.isClosed) return;
    this.cancelTimer ??= this.options.clock.schedule(() => {
      this.cancelTimer = undefined;
      this.closing = this.closeWindow();
    }, WINDOW_MS);
  }

  private async closeWindow(): Promise<void> {
    const sums = [...this.kinds].filter(([, { summed }]) => summed > 0);
    this.kinds = new Map();
    await Promise.all(
      sums.map(async ([key, kind]) => {
        try {
          await this.options.write(toRecord(kind));
        } catch (error) {
          this.options.onUnwritten(error, toRecord(kind));
          this.keepForNextTime(key, kind);
        }
      }),
    );
  }

  private keepForNextTime(key: string, kind: Kind): void {
    const since = this.kinds.get(key);
    if (since === undefined) {
      this.keep(key, { ...kind, written: 0 });
      return;
    }
    if (since.summed === 0) since.to = kind.to;
    since.from = kind.from;
    since.summed += kind.summed;
    kind.policies.forEach((id) => since.policies.add(id));
  }
}

function keyOf({ actor, action, organization }: NewAuditRecord): string {
  return JSON.stringify([actor?.issuer, actor?.subject, actor?.clientId, action, organization]);
}

function toRecord({ actor, action, organization, summed, policies, from, to }: Kind): NewAuditRecord {
  return {
    action,
    decision: 'deny',
    policies: [...policies].sort(),
    actor,
    organization,
    detail: { summed, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
  };
}
