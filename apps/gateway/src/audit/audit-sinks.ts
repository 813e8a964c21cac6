import { type AuditSink, FileSink, SinkFollower, SyslogSink } from '@app/audit';
import { type Clock, sleep } from '@app/clock';
import type { AuditSinkConfiguration, Configuration } from '@app/config';
import { type Logger, Metrics } from '@app/logging';
import { Database } from '@app/store';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { Replica } from '../operations/replica.js';

const LOOK_EVERY_MS = 1_000;
const RETRY_AFTER_MS = 5_000;
/** A sink that had everything less than this ago is not called behind, ms. */
const BEHIND_AFTER_MS = 60_000;

/** How a sink stands, as this replica sees it. */
export interface AuditSinkState {
  readonly name: string;
  /** Records that it does not have yet. */
  readonly lag: number;
  /** Its last delivery failed, or it has not had everything for a while. */
  readonly isBehind: boolean;
}

/** Pushes the audit trail to the configured sinks, beside and never in the way of requests. */
@Injectable()
export class AuditSinks implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private readonly followed: readonly FollowedSink[];
  private following: Promise<unknown> = Promise.resolve();

  constructor(
    database: Database,
    metrics: Metrics,
    replica: Replica,
    @Inject(CLOCK) clock: Clock,
    @Inject(CONFIGURATION) { audit }: Pick<Configuration, 'audit'>,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.followed = audit.sinks.map((sink) => {
      const follower = new SinkFollower({ database, sink: createSink(sink), clock, holder: replica.id });
      return new FollowedSink(sink.name, follower, clock, logger, metrics);
    });
  }

  onApplicationBootstrap(): void {
    this.following = Promise.all(this.followed.map((sink) => sink.follow(this.stop.signal)));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort(new Error('The gateway stops.'));
    await this.following;
  }

  states(): readonly AuditSinkState[] {
    return this.followed.map((sink) => sink.state());
  }
}

class FollowedSink {
  private lag = 0;
  private isFailing = false;
  private lastCompleteAt: number;

  constructor(
    private readonly name: string,
    private readonly follower: SinkFollower,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {
    this.lastCompleteAt = clock.now();
  }

  state(): AuditSinkState {
    const isLate = this.lag > 0 && this.clock.now() - this.lastCompleteAt > BEHIND_AFTER_MS;
    return { name: this.name, lag: this.lag, isBehind: this.isFailing || isLate };
  }

  /** Until it is stopped. Never rejects. */
  async follow(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const pauseMs = await this.advance(stop);
      await sleep(this.clock, pauseMs, stop).catch(() => undefined);
    }
    await this.follower.release().catch(() => undefined);
  }

  /** @returns when to look again, ms */
  private async advance(stop: AbortSignal): Promise<number> {
    try {
      await this.look();
      const delivered = this.lag > 0 ? await this.follower.deliver(stop) : 0;
      if (delivered > 0) await this.look();
      if (delivered > 0) this.succeeded();
      return delivered > 0 && this.lag > 0 ? 0 : LOOK_EVERY_MS;
    } catch (error) {
      if (!stop.aborted) this.failed(error);
      return RETRY_AFTER_MS;
    }
  }

  private async look(): Promise<void> {
    const backlog = await this.follower.backlog();
    this.lag = backlog.reduce((sum, { position, last }) => sum + last - position, 0);
    this.metrics.setAuditSinkLag(this.name, this.lag);
    if (this.lag > 0) return;
    this.lastCompleteAt = this.clock.now();
    // Another replica may be the one that brought it up.
    this.succeeded();
  }

  private succeeded(): void {
    if (this.isFailing) this.logger.info({ sink: this.name }, 'audit records reach their sink again');
    this.isFailing = false;
  }

  /** Once for each outage: it may last. */
  private failed(error: unknown): void {
    if (!this.isFailing) {
      this.logger.error({ err: error, sink: this.name }, 'audit records do not reach their sink; trying again');
    }
    this.isFailing = true;
  }
}

function createSink(configuration: AuditSinkConfiguration): AuditSink {
  switch (configuration.kind) {
    case 'file':
      return new FileSink(configuration);
    case 'syslog':
      return new SyslogSink(configuration);
  }
}
