import { type AuditAction, AuditWriter, type NewAuditRecord } from '@app/audit';
import type { Clock } from '@app/clock';
import type { Configuration, ConfigurationReload } from '@app/config';
import type { Principal } from '@app/identity';
import type { Logger } from '@app/logging';
import type { PolicyAction, PolicyDecision, PolicyReload } from '@app/policy';
import type { SecretReload } from '@app/secrets';
import {
  type ClaimedUpstreamSession,
  type NewOperation,
  type NewRestoreSession,
  type Operation,
  type OperationEnd,
  type Statements,
  type StoredRestoreSession,
  within,
} from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import type { FailedDownload } from '../downloads/deliver-download.js';
import { CLOCK, CONFIGURATION, LOGGER } from '../infrastructure/tokens.js';
import type { PermittedAction, PermittedCopy } from '../policy/permitted-action.js';
import { WebhookOutbox } from '../webhooks/webhook-outbox.js';
import { about, aboutSession, accepted, asked, countsOf, type DecidedThing, endOf, started } from './record-parts.js';
import { SummedDenials } from './summed-denials.js';

/** A change by what its repositories are given: those of the transaction that its record is written in. */
export type Change<T> = (statements: Statements) => Promise<T>;

/** An operation, or why there is none. */
export type Accepted = Operation | 'busy' | 'over-ceiling' | 'code-used' | undefined;

/** What the service starts with; the digests are those that the records of a reload name. */
export interface InForce {
  readonly policyDigest: string;
  readonly configurationDigest: string;
  readonly emergencyStop: boolean;
}

/** An end as it is put on record. */
export interface RecordedEnd extends Omit<OperationEnd, 'endedAt'> {
  /** Of a download that was not whole: who broke it. */
  readonly brokenBy?: FailedDownload['brokenBy'] | undefined;
}

export interface ReloadedCredential {
  /** As the log and health call it. */
  readonly credential: string;
  /** Of the certificate in use from then on. */
  readonly thumbprint?: string;
  /** Of the one before it. */
  readonly replaced?: string;
  /** Why what the files hold is not used. */
  readonly reason?: string;
}

/** Why a restore session is no longer open. */
export type SessionStop = 'by-caller' | 'idle' | 'operation-ended' | 'ended-upstream';

/**
 * What the gateway puts on record. A change, its record and the webhooks that tell of it are written in one transaction: without
 * the record there is no change. None of these is to be awaited within a transaction.
 */
@Injectable()
export class AuditTrail {
  private readonly denials: SummedDenials;
  private isStarted = false;

  constructor(
    private readonly writer: AuditWriter,
    private readonly outbox: WebhookOutbox,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(CONFIGURATION) { limits }: Pick<Configuration, 'limits'>,
  ) {
    this.denials = new SummedDenials({
      perMinute: limits.denialsPerMinute,
      clock,
      write: (record) => this.writer.append(record),
      onUnwritten: (error, { action, detail }) => {
        this.logger.error(
          { err: error, action, detail },
          'denials that were summed could not be put on the audit trail',
        );
      },
    });
  }

  async started(inForce: InForce): Promise<void> {
    this.isStarted = true;
    await this.note({ action: 'service.started', detail: { ...inForce } });
  }

  /** The last record; what is asked for afterwards fails. */
  async close(): Promise<void> {
    await this.denials.close();
    if (!this.isStarted) return this.writer.close();
    const action = 'service.stopped';
    await this.noting(action, this.writer.close({ action }));
  }

  policyReloaded({ digest, replaced }: Extract<PolicyReload, { kind: 'replaced' }>): void {
    void this.note({ action: 'policy.reloaded', detail: { digest, replaced } });
  }

  configurationReloaded({ digest, live, changed, waiting }: Extract<ConfigurationReload, { kind: 'replaced' }>): void {
    const { emergencyStop } = live;
    void this.note({ action: 'configuration.reloaded', detail: { digest, changed, waiting, emergencyStop } });
  }

  /** Of secrets whose files have changed, by name and never by value. */
  credentialReloaded(outcome: SecretReload['kind'], detail: ReloadedCredential): void {
    void this.note({ action: 'credential.reloaded', outcome, detail: { ...detail } });
  }

  /**
   * Accepts an operation, by whose decision.
   * @returns what `change` says, which is an operation if it was accepted and something else if nothing was changed
   * @throws StoreUnavailableError when it cannot be recorded: nothing is accepted then
   */
  accepting<T extends Accepted>(
    principal: Principal,
    operation: NewOperation,
    session: StoredRestoreSession,
    permitted: PermittedAction | PermittedCopy,
    change: Change<T>,
  ): Promise<T> {
    const record = accepted(principal, operation, session, permitted.policies);
    const telling = this.outbox.tellingOfAcceptance(change, record, permitted);
    return this.recording(record, telling, (accepted) => typeof accepted === 'object');
  }

  /** As `accepting`, of an operation that starts with that. */
  acceptingStarted<T extends Accepted>(
    principal: Principal,
    operation: NewOperation,
    session: StoredRestoreSession,
    permitted: PermittedAction | PermittedCopy,
    change: Change<T>,
  ): Promise<T> {
    const record = accepted(principal, operation, session, permitted.policies);
    const records = [record, ...started(operation).map((start) => ({ ...start, ...asked(principal, operation) }))];
    const telling = this.outbox.tellingOfAcceptance(change, record, permitted);
    return this.recording(records, telling, (accepted) => typeof accepted === 'object');
  }

  /**
   * Starts an operation that was claimed: without the record nothing of it goes upstream.
   * @returns what `change` says: false when it is not ours to start
   */
  starting(operation: Operation, change: Change<boolean>): Promise<boolean> {
    return this.recording(started(operation), change, (isOurs) => isOurs);
  }

  /**
   * Ends an operation.
   * @param canceler who ended it, if not the gateway
   * @returns what `change` says: undefined when there was nothing to end
   */
  ending(
    operation: Operation,
    { state, outcome, problem, bytes, sha256, brokenBy }: RecordedEnd,
    change: Change<Operation | undefined>,
    canceler?: Principal,
  ): Promise<Operation | undefined> {
    const record: NewAuditRecord = {
      action: 'operation.ended',
      outcome: state,
      ...about(operation),
      ...(canceler && asked(canceler, operation)),
      ...(outcome && { counts: countsOf(outcome) }),
      bytes,
      sha256,
      detail: { action: operation.action, ...(problem && { problem: problem.code }), ...(brokenBy && { brokenBy }) },
    };
    return this.recording(record, this.outbox.tellingOfEnd(change), (ended) => ended !== undefined);
  }

  /** Appends what was found out of an interrupted operation. @returns what `change` says: false when somebody had */
  reconciling(operation: Operation, finding: string, change: Change<boolean>): Promise<boolean> {
    const record: NewAuditRecord = {
      action: 'operation.reconciled',
      outcome: finding,
      ...about(operation),
      detail: { action: operation.action },
    };
    return this.recording(record, change, (isAppended) => isAppended);
  }

  /** @returns what `change` says: false when it was not opened */
  opening(principal: Principal, session: NewRestoreSession, change: Change<boolean>): Promise<boolean> {
    const record: NewAuditRecord = {
      action: 'restore-session.opened',
      ...asked(principal, session),
      ...aboutSession(session),
      reason: session.reason,
    };
    return this.recording(record, change, (isOpened) => isOpened);
  }

  /**
   * Has a session go by another one of upstream's, its own having ended there.
   * @param by the caller whose request found that out; absent when no request did
   * @returns what `change` says: false when it goes by a third one, or was stopped
   */
  reopening(
    session: StoredRestoreSession,
    upstreamSessionId: string,
    change: Change<boolean>,
    by?: Principal,
  ): Promise<boolean> {
    const record: NewAuditRecord = {
      action: 'restore-session.reopened',
      ...(by && asked(by, session)),
      ...aboutSession({ ...session, upstreamSessionId }),
      reason: session.reason,
      detail: { insteadOf: session.upstreamSessionId },
    };
    return this.recording(record, change, (isReopened) => isReopened);
  }

  /** @param by the caller whose request stopped it or found it ended; absent when no request did */
  stopping(
    session: StoredRestoreSession,
    outcome: SessionStop,
    change: Change<boolean>,
    by?: Principal,
  ): Promise<boolean> {
    const record: NewAuditRecord = {
      action: 'restore-session.stopped',
      outcome,
      ...(by && asked(by, session)),
      ...aboutSession(session),
      reason: session.reason,
    };
    return this.recording(record, change, (isStopped) => isStopped);
  }

  /** That upstream says that a session has ended which was told to stop. @returns what `change` says */
  endedUpstream(session: ClaimedUpstreamSession, change: Change<boolean>): Promise<boolean> {
    return this.recording(endOf(session, 'proven'), change, (isEnded) => isEnded);
  }

  /** That a session was told to stop so often, and may still run upstream. */
  async notEndedUpstream(session: ClaimedUpstreamSession): Promise<void> {
    await this.writer.append(endOf(session, 'not-proven'));
  }

  /** Records that a code was issued, and never the code. */
  issuingDeviceCode(principal: Principal, session: StoredRestoreSession, change: Change<void>): Promise<void> {
    const record: NewAuditRecord = {
      action: 'device-code.issued',
      ...asked(principal, session),
      ...aboutSession(session),
      reason: session.reason,
    };
    return this.recording(record, change, () => true);
  }

  /**
   * A decision before anything is done by it; denials beyond a rate are summed.
   * @throws StoreUnavailableError when it cannot be recorded
   */
  async decided(
    principal: Principal,
    action: PolicyAction,
    { allowed, policies }: Pick<PolicyDecision, 'allowed' | 'policies'>,
    { onBehalfOf, ...thing }: DecidedThing = {},
  ): Promise<void> {
    const record = { action, policies, ...asked(principal, { onBehalfOf }), ...thing };
    if (allowed) {
      await this.writer.append({ ...record, decision: 'allow' });
    } else {
      await this.denials.record({ ...record, decision: 'deny' });
    }
  }

  private async recording<T>(
    record: NewAuditRecord | readonly NewAuditRecord[],
    change: Change<T>,
    isChanged: (result: T) => boolean,
  ): Promise<T> {
    // The writer may run a change again: the last result is the one that was committed.
    const results: T[] = [];
    await this.writer.append(record, async (orm) => {
      const result = await change(within(orm));
      results.push(result);
      return isChanged(result);
    });
    return results.at(-1) as T;
  }

  /** For what happens whether it can be recorded or not. */
  private note(record: NewAuditRecord): Promise<void> {
    return this.noting(record.action, this.writer.append(record));
  }

  private async noting(action: AuditAction, written: Promise<unknown>): Promise<void> {
    try {
      await written;
    } catch (error) {
      this.logger.error({ err: error, action }, 'an event could not be put on the audit trail');
    }
  }
}
