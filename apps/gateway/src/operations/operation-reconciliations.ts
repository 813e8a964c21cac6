import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import type { Logger } from '@app/logging';
import { DomainError, SessionStoppedError } from '@app/problems';
import { type Operation, OperationClaimsRepository } from '@app/store';
import { BackupServers } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import { type Finding, OperationTraces } from './operation-traces.js';
import { RunningOperations } from './running-operations.js';

const LOOK_EVERY_MS = 60_000;

/** Finds out from upstream's log whether an operation was done whose answer was lost. */
@Injectable()
export class OperationReconciliations {
  private lookAgainAt = 0;
  /** Servers that are being asked. */
  private readonly busy = new Set<string>();

  constructor(
    private readonly claims: OperationClaimsRepository,
    private readonly traces: OperationTraces,
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
      return await this.traces.find(operation);
    } catch (error) {
      if (error instanceof SessionStoppedError) {
        return { finding: 'unknown', detail: 'The backup server no longer knows the restore session.' };
      }
      if (!(error instanceof DomainError)) throw error;
      this.logger.debug({ err: error, operationId: operation.id }, 'an operation cannot be reconciled yet');
      return undefined;
    }
  }
}
