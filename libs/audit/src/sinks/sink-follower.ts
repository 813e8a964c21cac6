import { type Clock, underAny } from '@app/clock';
import { auditRecords, auditSinkPositions, auditSinks, type Database } from '@app/store';
import { and, asc, eq, gt, lte, sql } from 'drizzle-orm';

import type { AuditRow } from '../chain.js';
import { headLine, lineOf } from '../export.js';
import type { AuditSink, SinkLine } from './audit-sink.js';

/** Of a chain, what a sink does not have yet. */
export interface ChainBacklog {
  readonly writer: string;
  /** Of the last record that it has; 0 for none. */
  readonly position: number;
  /** Of the last record there is. */
  readonly last: number;
}

export interface SinkFollowerOptions {
  readonly database: Database;
  readonly sink: AuditSink;
  readonly clock: Clock;
  /** Id of this replica. */
  readonly holder: string;
}

const BATCH_ROWS = 500;

/** A delivery that takes longer is given up, ms; well within the lease, so that no two replicas are at it. */
const DELIVERY_MS = 10_000;
const LEASE_MS = 30_000;

/**
 * Brings a sink up to where the trail is, from where the database says that it is: at least once and each chain in its order. One
 * replica at a time does it. Nothing is kept in memory between two deliveries.
 */
export class SinkFollower {
  constructor(private readonly options: SinkFollowerOptions) {}

  /** @throws StoreUnavailableError */
  async backlog(): Promise<ChainBacklog[]> {
    const { database, sink } = this.options;
    // One look-up in the index for each chain: the table may be long, and is looked at every second.
    const { rows } = await database.run((orm) =>
      orm.execute<{ writer: string; position: string; last: string }>(sql`
        with recursive writers (writer) as (
          (select writer from audit_records order by writer limit 1)
          union all
          select (select r.writer from audit_records r where r.writer > w.writer order by r.writer limit 1)
          from writers w where w.writer is not null
        )
        select w.writer, h.seq as last, coalesce(p.seq, 0) as position
        from writers w
        cross join lateral (select seq from audit_records r where r.writer = w.writer order by seq desc limit 1) h
        left join audit_sink_positions p on p.sink = ${sink.name} and p.writer = w.writer
        where h.seq > coalesce(p.seq, 0)
        order by w.writer`),
    );
    return rows.map(({ writer, position, last }) => ({ writer, position: Number(position), last: Number(last) }));
  }

  /**
   * Delivers the next records, if it is this replica's turn.
   * @param stop gives it up
   * @returns how many
   * @throws whatever the sink throws; StoreUnavailableError
   */
  async deliver(stop: AbortSignal): Promise<number> {
    if (!(await this.takeLease())) return 0;
    // Looked at with the lease in hand: what another replica has delivered meanwhile is not to come again.
    const rows = await this.next(await this.backlog());
    if (rows.length === 0) return 0;
    await this.within(DELIVERY_MS, stop, (signal) => this.options.sink.deliver(toLines(rows), signal));
    await this.keepPositions(rows);
    return rows.length;
  }

  /** Lets another replica go on at once. */
  async release(): Promise<void> {
    const { database, sink, clock, holder } = this.options;
    await database.run((orm) =>
      orm
        .update(auditSinks)
        .set({ leaseUntil: new Date(clock.now()) })
        .where(and(eq(auditSinks.name, sink.name), eq(auditSinks.holder, holder))),
    );
  }

  private async takeLease(): Promise<boolean> {
    const { database, sink, clock, holder } = this.options;
    const leaseUntil = new Date(clock.now() + LEASE_MS);
    const taken = await database.run((orm) =>
      orm
        .insert(auditSinks)
        .values({ name: sink.name, holder, leaseUntil })
        .onConflictDoUpdate({
          target: auditSinks.name,
          set: { holder, leaseUntil },
          setWhere: sql`${eq(auditSinks.holder, holder)} or ${lte(auditSinks.leaseUntil, new Date(clock.now()))}`,
        })
        .returning({ name: auditSinks.name }),
    );
    return taken.length > 0;
  }

  private async next(backlog: readonly ChainBacklog[]): Promise<AuditRow[]> {
    const rows: AuditRow[] = [];
    for (const { writer, position } of backlog) {
      const limit = BATCH_ROWS - rows.length;
      if (limit === 0) break;
      const more = await this.options.database.run((orm) =>
        orm
          .select()
          .from(auditRecords)
          .where(and(eq(auditRecords.writer, writer), gt(auditRecords.seq, position)))
          .orderBy(asc(auditRecords.seq))
          .limit(limit),
      );
      rows.push(...more);
    }
    return rows;
  }

  private async within(ms: number, stop: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const late = new AbortController();
    const cancel = this.options.clock.schedule(() => {
      late.abort(new Error(`The delivery took longer than ${ms} ms.`));
    }, ms);
    try {
      await underAny([late.signal, stop], work);
    } finally {
      cancel();
    }
  }

  private async keepPositions(rows: readonly AuditRow[]): Promise<void> {
    const { database, sink } = this.options;
    const positions = lastOfEach(rows).map(({ writer, seq }) => ({ sink: sink.name, writer, seq }));
    await database.run((orm) =>
      orm
        .insert(auditSinkPositions)
        .values(positions)
        .onConflictDoUpdate({
          target: [auditSinkPositions.sink, auditSinkPositions.writer],
          // Who comes late, after another replica has gone on, does not turn it back.
          set: { seq: sql`greatest(${auditSinkPositions.seq}, excluded.seq)` },
        }),
    );
  }
}

/** The records, and behind them the heads that they bring their chains to. */
function toLines(rows: readonly AuditRow[]): SinkLine[] {
  const records = rows.map((row): SinkLine => ({ ...aboutLine(row), kind: 'record', text: lineOf(row).trimEnd() }));
  const heads = lastOfEach(rows).map((row): SinkLine => ({
    ...aboutLine(row),
    isDenial: false,
    kind: 'head',
    text: headLine(row).trimEnd(),
  }));
  return [...records, ...heads];
}

function aboutLine({ writer, time, decision }: AuditRow) {
  return { writer, time, isDenial: decision === 'deny' };
}

function lastOfEach(rows: readonly AuditRow[]): AuditRow[] {
  return [...new Map(rows.map((row) => [row.writer, row])).values()];
}
