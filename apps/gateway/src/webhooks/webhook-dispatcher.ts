import type { CancelTimer, Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { type Logger, Metrics } from '@app/logging';
import { type ClaimedWebhookDelivery, WebhookDeliveriesRepository } from '@app/store';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import { pauseAfter } from '../infrastructure/pauses.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { RunningOperations } from '../operations/running-operations.js';
import { receiverNamed } from './webhook-receivers.js';
import { ATTEMPT_MS, sendWebhook, WebhookFailure } from './webhook-sender.js';

const LOOK_EVERY_MS = 1_000;

/** A delivery whose replica has died is tried again by another after so long. */
const LEASE_MS = 4 * ATTEMPT_MS;

/** At the same time to one receiver, from one replica: a receiver that hangs holds up no other. */
const SLOTS_A_RECEIVER = 8;

/** How often it is looked how long the oldest waits. */
const MEASURE_EVERY_MS = 15_000;

/**
 * Sends what is in the outbox. Every replica does; each delivery is tried by one of them at a time, again and again until the
 * receiver takes it or it is too old.
 */
@Injectable()
export class WebhookDispatcher implements OnApplicationBootstrap, OnModuleDestroy {
  /** Since when the oldest delivery waits; undefined when none does. */
  oldestPending: Date | undefined;

  private readonly inFlight = new Map<string, number>();
  private cancelLook: CancelTimer = () => undefined;
  private measureAt = 0;
  private isFailing = false;
  private isStopping = false;

  constructor(
    private readonly deliveries: WebhookDeliveriesRepository,
    private readonly running: RunningOperations,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'webhooks' | 'ownerNotice' | 'limits'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.cancelLook = this.clock.schedule(() => {
      this.running.add(this.look());
    }, LOOK_EVERY_MS);
  }

  /** What is under way gets the grace to end; the rest waits for another replica, or the next start. */
  onModuleDestroy(): void {
    this.isStopping = true;
    this.cancelLook();
  }

  private async look(): Promise<void> {
    try {
      await this.sendDue();
      await this.measure();
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.logger.warn({ err: error }, 'webhooks cannot be looked for; trying again');
      this.isFailing = true;
    } finally {
      if (!this.isStopping) this.onApplicationBootstrap();
    }
  }

  private async sendDue(): Promise<void> {
    while (!this.isStopping) {
      const now = this.clock.now();
      const delivery = await this.deliveries.claimNext(new Date(now), new Date(now + LEASE_MS), this.busyReceivers());
      if (delivery === undefined) return;
      this.running.add(this.deliver(delivery));
    }
  }

  private busyReceivers(): string[] {
    return [...this.inFlight].filter(([, count]) => count >= SLOTS_A_RECEIVER).map(([receiver]) => receiver);
  }

  private async deliver(delivery: ClaimedWebhookDelivery): Promise<void> {
    const { receiver } = delivery;
    this.inFlight.set(receiver, (this.inFlight.get(receiver) ?? 0) + 1);
    try {
      const failure = await this.attempt(delivery);
      if (failure === undefined) await this.delivered(delivery);
      else await this.failed(delivery, failure.message);
    } catch (error) {
      this.logger.warn({ err: error, ...named(delivery) }, 'how a webhook went cannot be recorded; it may go again');
    } finally {
      this.inFlight.set(receiver, (this.inFlight.get(receiver) ?? 1) - 1);
    }
  }

  private async attempt(delivery: ClaimedWebhookDelivery): Promise<WebhookFailure | undefined> {
    const receiver = receiverNamed(this.configuration, delivery.receiver);
    // Another replica may have another configuration by now: that is no reason to give up at once.
    if (receiver === undefined) return new WebhookFailure('has no receiver in the configuration');
    try {
      await sendWebhook(receiver, delivery, this.clock);
      return undefined;
    } catch (error) {
      if (error instanceof WebhookFailure) return error;
      throw error;
    }
  }

  private async delivered(delivery: ClaimedWebhookDelivery): Promise<void> {
    await this.deliveries.end(delivery, 'delivered', new Date(this.clock.now()));
    this.metrics.countWebhookDelivery('delivered');
  }

  private async failed(delivery: ClaimedWebhookDelivery, why: string): Promise<void> {
    const now = this.clock.now();
    const dueAt = now + pauseAfter(delivery.attempts);
    if (dueAt < delivery.createdAt.getTime() + this.configuration.limits.webhookAgeMs) {
      await this.deliveries.postpone(delivery, new Date(dueAt));
      this.metrics.countWebhookDelivery('failed');
      this.logger.warn({ ...named(delivery), why }, 'a webhook could not be delivered; trying again');
    } else {
      await this.deliveries.end(delivery, 'given-up', new Date(now));
      this.metrics.countWebhookDelivery('given-up');
      this.logger.error({ ...named(delivery), why }, 'a webhook was given up');
    }
  }

  private async measure(): Promise<void> {
    const now = this.clock.now();
    if (now < this.measureAt) return;
    this.measureAt = now + MEASURE_EVERY_MS;
    this.oldestPending = await this.deliveries.oldestPending();
    this.metrics.setOldestPendingWebhook(this.oldestPending === undefined ? 0 : now - this.oldestPending.getTime());
  }
}

function named({ id: webhookId, operationId, type, receiver, attempts }: ClaimedWebhookDelivery) {
  return { webhookId, operationId, type, receiver, attempts };
}
