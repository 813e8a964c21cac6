import { and, eq, lte, min, notInArray, sql } from 'drizzle-orm';

import type { Statements } from './database.js';
import { webhookDeliveries } from './schema.js';

export interface NewWebhookDelivery {
  readonly id: string;
  readonly operationId: string;
  readonly type: string;
  readonly receiver: string;
  readonly body: string;
  readonly createdAt: Date;
}

/** One that this replica may try now. */
export interface ClaimedWebhookDelivery extends NewWebhookDelivery {
  /** Including this one. Guards every write after the claim. */
  readonly attempts: number;
}

/** The outbox of webhooks. After a claim every write is guarded by the number of the attempt. */
export class WebhookDeliveriesRepository {
  constructor(private readonly database: Statements) {}

  async insert(delivery: NewWebhookDelivery): Promise<void> {
    await this.database.run((orm) =>
      orm.insert(webhookDeliveries).values({ ...delivery, state: 'pending', dueAt: delivery.createdAt }),
    );
  }

  /**
   * Claims the one that has been due longest.
   * @param leaseEnd when it is due again, unless it is ended or put off before
   * @param busy receivers that are to get nothing now
   */
  async claimNext(now: Date, leaseEnd: Date, busy: readonly string[]): Promise<ClaimedWebhookDelivery | undefined> {
    const rows = await this.database.run(async (orm) => {
      const next = orm
        .select({ id: webhookDeliveries.id })
        .from(webhookDeliveries)
        .where(and(due(now), busy.length > 0 ? notInArray(webhookDeliveries.receiver, [...busy]) : undefined))
        .orderBy(webhookDeliveries.dueAt)
        .limit(1)
        .for('update', { skipLocked: true });
      return (
        orm
          .update(webhookDeliveries)
          .set({ dueAt: leaseEnd, attempts: sql`${webhookDeliveries.attempts} + 1` })
          // `=`, which asks once: by `in` the planner may ask again for each row, and claim a second one.
          .where(and(eq(webhookDeliveries.id, next), due(now)))
          .returning()
      );
    });
    return rows.map(({ body, ...row }) => ({ ...row, body: body ?? '' }))[0];
  }

  /** Puts off what could not be delivered. */
  async postpone({ id, attempts }: ClaimedWebhookDelivery, dueAt: Date): Promise<void> {
    await this.database.run((orm) => orm.update(webhookDeliveries).set({ dueAt }).where(claimed(id, attempts)));
  }

  /** Ends a delivery and empties its body. @returns false when another replica has tried it since */
  async end(
    { id, attempts }: ClaimedWebhookDelivery,
    state: 'delivered' | 'given-up',
    endedAt: Date,
  ): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .update(webhookDeliveries)
        .set({ state, endedAt, body: null })
        .where(claimed(id, attempts))
        .returning({ id: webhookDeliveries.id }),
    );
    return rows.length === 1;
  }

  /** Since when the oldest waits that is not over. */
  async oldestPending(): Promise<Date | undefined> {
    const rows = await this.database.run((orm) =>
      orm
        .select({ createdAt: min(webhookDeliveries.createdAt) })
        .from(webhookDeliveries)
        .where(eq(webhookDeliveries.state, 'pending')),
    );
    return rows[0]?.createdAt ?? undefined;
  }
}

function due(now: Date) {
  return and(eq(webhookDeliveries.state, 'pending'), lte(webhookDeliveries.dueAt, now));
}

function claimed(id: string, attempts: number) {
  return and(
    eq(webhookDeliveries.id, id),
    eq(webhookDeliveries.state, 'pending'),
    eq(webhookDeliveries.attempts, attempts),
  );
}
