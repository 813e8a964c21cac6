import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Logger } from '@app/logging';
import { DomainError, SessionStoppedError } from '@app/problems';
import {
  type Operation,
  OperationClaimsRepository,
  OperationsRepository,
  type OperationReconciliation,
  RestoreSessionsRepository,
} from '@app/store';
import { BackupServers, type LoggedLine } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { RunningOperations } from './running-operations.js';

type Finding = Pick<OperationReconciliation, 'finding' | 'detail'>;

/** Clocks may differ by so much, ms. */
const SKEW_MS = 60_000;
/** Upstream may begin late with what it was sent; only then does silence tell something, ms. */
const LATE_MS = 5 * 60_000;
const LOOK_EVERY_MS = 60_000;

/** Finds out from upstream's log whether an operation was done whose answer was lost. */
@Injectable()
export class OperationReconciliations {
  private lookAgainAt = 0;
  /** Servers that are being asked. */
  private readonly busy = new Set<string>();

  constructor(
    private readonly claims: OperationClaimsRepository,
    private readonly operations: OperationsRepository,
    private readonly sessions: RestoreSessionsRepository,
    private readonly servers: BackupServers,
    private readonly running: RunningOperations,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'limits'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Begins to look at what is not reconciled yet, once a minute at most, and by server: one that does not answer keeps no other waiting,
   * nor whoever asks for this.
   */
  sweep(): void {
    const now = this.clock.now();
    if (now < this.lookAgainAt) return;
    this.lookAgainAt = now + LOOK_EVERY_MS;
    for (const { name } of this.servers.all) {
      if (!this.busy.has(name)) this.running.add(this.sweepServer(name));
    }
  }

  private async sweepServer(backupServer: string): Promise<void> {
    this.busy.add(backupServer);
    try {
      const endedAfter = new Date(this.clock.now() - this.configuration.limits.reconcileMs);
      for (const operation of await this.claims.listUnreconciled(backupServer, endedAfter)) {
        const finding = await this.findOut(operation);
        if (finding !== undefined) await this.append(operation, finding);
      }
    } catch (error) {
      this.logger.warn({ err: error, backupServer }, 'operations could not be reconciled; trying again');
    } finally {
      this.busy.delete(backupServer);
    }
  }

  private async append(operation: Operation, found: Finding): Promise<void> {
    const reconciliation = { ...found, at: new Date(this.clock.now()).toISOString() };
    await this.trail.reconciling(operation, found.finding, (statements) =>
      new OperationClaimsRepository(statements).reconcile(operation, reconciliation),
    );
  }

  /** Undefined when it is too early to tell, or upstream could not be asked. */
  private async findOut(operation: Operation): Promise<Finding | undefined> {
    try {
      return (await this.servers.of(operation).capabilities()).followedRestores && operation.action !== 'send'
        ? await this.findSession(operation)
        : await this.findEvents(operation);
    } catch (error) {
      if (error instanceof SessionStoppedError) {
        return { finding: 'unknown', detail: 'The backup server no longer knows the restore session.' };
      }
      if (!(error instanceof DomainError)) throw error;
      this.logger.debug({ err: error, operationId: operation.id }, 'an operation cannot be reconciled yet');
      return undefined;
    }
  }

  /** Where actions are logged in the session they are asked for in. */
  private async findEvents(operation: Operation): Promise<Finding | undefined> {
    const { sentAt, upstreamSessionId } = operation;
    if (sentAt === undefined || upstreamSessionId === undefined) return nothingSent;
    if (await this.hasNeighbour(operation, sentAt, 'restore-session')) return notAlone;
    const steps = new LoggedSteps(operation.action === 'send' ? 'send' : 'restore', sentAt.getTime() - SKEW_MS);
    const { isWhole } = await this.servers.of(operation).readRestoreLog(upstreamSessionId, (line) => {
      steps.see(line);
    });
    if (steps.isRunning) return undefined;
    if (steps.count > 0) return done(steps.summary);
    return isWhole ? this.silence(sentAt) : tooLong;
  }

  /** Where a restore has a session of its own, which the lost answer would have named. */
  private async findSession(operation: Operation): Promise<Finding | undefined> {
    const { sentAt, followedSessionId } = operation;
    if (followedSessionId !== undefined) {
      return { finding: 'unknown', detail: 'The backup server no longer knows the operation.' };
    }
    if (sentAt === undefined) return nothingSent;
    const since = new Date(sentAt.getTime() - SKEW_MS);
    const begun = (await this.servers.of(operation).restoreSessionsSince(since.toISOString())).filter(
      ({ createdAt }) => Date.parse(createdAt) <= sentAt.getTime() + LATE_MS,
    );
    const known = await this.sessions.listKnownUpstream(
      operation.backupServer,
      begun.map(({ id }) => id),
    );
    const [candidate, ...others] = begun.filter(({ id }) => !known.includes(id));
    if (candidate === undefined) return this.silence(sentAt);
    if (others.length > 0 || (await this.hasNeighbour(operation, sentAt, 'organization'))) return notAlone;
    if (candidate.state === 'running') return undefined;
    return done(`a session of its own, which ended with ${candidate.result ?? 'no result'}`);
  }

  private silence(sentAt: Date): Finding | undefined {
    return this.clock.now() < sentAt.getTime() + LATE_MS
      ? undefined
      : { finding: 'not-done', detail: 'The backup server logged nothing of it.' };
  }

  /** Another operation of the same time whose traces could be taken for those of this one. */
  private hasNeighbour(
    operation: Operation,
    sentAt: Date,
    within: 'restore-session' | 'organization',
  ): Promise<boolean> {
    return this.operations.hasNeighbour(operation, {
      within,
      from: new Date(sentAt.getTime() - SKEW_MS),
      to: new Date(sentAt.getTime() + LATE_MS),
    });
  }
}

const nothingSent: Finding = { finding: 'not-done', detail: 'Nothing of it was sent.' };
const notAlone: Finding = {
  finding: 'unknown',
  detail: 'Other operations of the same time left traces that cannot be told apart from its own.',
};

const tooLong: Finding = {
  finding: 'unknown',
  detail: 'The log of the backup server is too long to be read to its end.',
};

function done(how: string): Finding {
  return { finding: 'done', detail: `The backup server logged ${how}.` };
}

/** What a log tells of one kind of action since a time. A log may have any length: its lines are counted, not kept. */
class LoggedSteps {
  count = 0;
  isRunning = false;
  private failed = 0;

  /** @param since ms since the Unix epoch */
  constructor(
    private readonly kind: LoggedLine['kind'],
    private readonly since: number,
  ) {}

  see({ kind, state, startedAt }: LoggedLine): void {
    if (kind !== this.kind || Date.parse(startedAt) < this.since) return;
    this.count++;
    if (state === 'failed') this.failed++;
    if (state === 'running') this.isRunning = true;
  }

  get summary(): string {
    return this.failed === 0 ? `${this.count} steps of it` : `${this.count} steps of it, ${this.failed} of them failed`;
  }
}
