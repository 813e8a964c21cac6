import type { Clock } from '@app/clock';
import { DEVICE_CODE } from '@app/config';
import type { Principal } from '@app/identity';
import type { PolicyDecision } from '@app/policy';
import { EmailNotSetUpError, ForbiddenError, OperationConflictError, SessionStoppedError } from '@app/problems';
import type { Secret } from '@app/secrets';
import { type Ceiling, type Idempotency, type NewOperation, type Operation, OperationsRepository } from '@app/store';
import { type ActionItem, BackupServers } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { CredentialProfilesService } from '../credential-profiles/credential-profiles.service.js';
import { DeviceCodesService, unknownDeviceCode } from '../device-codes/device-codes.service.js';
import { HeldDeviceCodes } from '../device-codes/held-device-codes.js';
import { ServerDownloads } from '../downloads/server-downloads.js';
import type { Release } from '../infrastructure/held-slots.js';
import { CLOCK } from '../infrastructure/tokens.js';
import { OperationRunner } from '../operations/operation-runner.js';
import { Replica } from '../operations/replica.js';
import type { StoredRequest } from '../operations/stored-request.js';
import { nothingPermits } from '../policy/denials.js';
import { ItemAuthorization } from '../policy/item-authorization.service.js';
import type { FoundItem } from '../policy/item-lookup.service.js';
import { decidedOn } from '../policy/item-question.js';
import { MailRules } from '../policy/mail-rules.service.js';
import type { PermittedAction, PermittedCopy } from '../policy/permitted-action.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';
import type { ActionRequest, ActionTarget, QueuedRequest, SaveRequest } from './action-request.js';
import { ActionQuestions } from './action-questions.service.js';
import { newOperation, toStoredCopy } from './new-operation.js';
import { OperatorCeilings, OverCeilingError } from './operator-ceilings.js';
import { type RepeatBy, RepeatedRequests } from './repeated-requests.service.js';

/** A download that was decided on and recorded, and is about to be asked for upstream. */
export interface StartedSave {
  readonly operation: Operation;
  readonly session: RestoreSession;
  readonly found: FoundItem;
  /** To be called when it is over. */
  readonly release: Release;
}

/**
 * The one way to an action, whatever surface it was asked on: decided, then recorded, then run. Nothing goes upstream for an action
 * that was not recorded.
 */
@Injectable()
export class ActionsService {
  constructor(
    private readonly sessions: RestoreSessionsService,
    private readonly authorization: ItemAuthorization,
    private readonly questions: ActionQuestions,
    private readonly mailRules: MailRules,
    private readonly profiles: CredentialProfilesService,
    private readonly deviceCodes: DeviceCodesService,
    private readonly heldDeviceCodes: HeldDeviceCodes,
    private readonly ceilings: OperatorCeilings,
    private readonly repeated: RepeatedRequests,
    private readonly trail: AuditTrail,
    private readonly runner: OperationRunner,
    private readonly replica: Replica,
    private readonly servers: BackupServers,
    private readonly serverDownloads: ServerDownloads,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @param repeatBy makes it a repeat that is not done again; absent: nothing does */
  begin(
    principal: Principal,
    target: ActionTarget,
    request: QueuedRequest,
    repeatBy: RepeatBy | undefined,
  ): Promise<Operation> {
    return this.repeated.once(principal, target, request, repeatBy, {
      ask: (place) => this.questions.of(principal, place, request),
      begin: (idempotency) => this.accept(principal, target, request, idempotency),
    });
  }

  /** Decides on an action and records it, whatever it may repeat. */
  accept(
    principal: Principal,
    target: ActionTarget,
    request: QueuedRequest,
    idempotency: Idempotency | undefined,
  ): Promise<Operation> {
    return this.sessions.use(principal, target.sid, async (session) => {
      const permitted = await this.decide(principal, session, target.item, request);
      return this.queue(principal, session, permitted.decision, request, { stored: permitted.stored, idempotency });
    });
  }

  /** A download does not wait in the queue. @throws OperationConflictError while another operation of the session runs */
  async startSave(principal: Principal, target: ActionTarget, request: SaveRequest): Promise<StartedSave> {
    return this.sessions.use(principal, target.sid, async (session) => {
      const asked = this.questions.ofItem(principal, session, request);
      const decision = await this.authorization.act(principal, session, target.item, asked);
      await this.servers.of(session).demandAction({ action: 'save', item: target.item });
      const release = this.serverDownloads.acquire(session);
      try {
        return { ...(await this.acceptSave(principal, session, decision, request)), session, found: decision, release };
      } catch (error) {
        release();
        throw error;
      }
    });
  }

  /** What the policy says to an action, which is neither recorded nor done. */
  async explain(principal: Principal, target: ActionTarget, request: ActionRequest): Promise<PolicyDecision> {
    return this.sessions.use(principal, target.sid, async (session) => {
      const asked = this.questions.of(principal, session, request);
      return this.authorization.explain(principal, session, target.item, asked);
    });
  }

  private async decide(
    principal: Principal,
    session: RestoreSession,
    item: ActionItem,
    request: QueuedRequest,
  ): Promise<{ decision: PermittedAction | PermittedCopy; stored: StoredRequest }> {
    switch (request.action) {
      case 'restore': {
        const asked = this.questions.ofItem(principal, session, request);
        const decision = await this.authorization.act(principal, session, item, asked);
        const { documentVersion, documentAction } = request;
        return { decision, stored: { action: 'restore', documentVersion, documentAction } };
      }
      case 'copy': {
        const decision = await this.authorization.copy(
          principal,
          session,
          item,
          this.questions.ofCopy(session, request),
        );
        return { decision, stored: toStoredCopy(request, decision.target) };
      }
      case 'send': {
        const { to, subject, text } = request;
        const { address: from } = this.mailRules.sender(principal, request.from);
        const asked = this.questions.ofItem(principal, session, request);
        const decision = await this.authorization.act(principal, session, item, asked);
        if (from === undefined) {
          await this.trail.decided(principal, 'send', nothingPermits, decidedOn(session, item, request));
          throw new ForbiddenError('You have no verified address to send from, and no sender is configured.');
        }
        if (!(await this.servers.of(session).emailReadiness()).isReady) {
          throw new EmailNotSetUpError('E-mail is not set up on the backup server.');
        }
        return { decision, stored: { action: 'send', from, to, subject, text } };
      }
    }
  }

  private async acceptSave(
    principal: Principal,
    session: RestoreSession,
    decision: PermittedAction,
    request: SaveRequest,
  ): Promise<Pick<StartedSave, 'operation'>> {
    const save = newOperation(principal, session, decision, request, {
      requestedAt: new Date(this.clock.now()),
      stored: { action: 'save', asZip: request.asZip },
      boundTo: this.replica.id,
    });
    const claim = this.replica.claim();
    const ceiling = this.ceilings.of(save);
    const operation = await this.trail.acceptingStarted(principal, save, session, decision, (statements) =>
      new OperationsRepository(statements).acceptAndClaim(save, claim, { ceiling, sentAt: claim.at }),
    );
    return { operation: await this.withinCeiling(principal, save, notBusy(operation)) };
  }

  private async queue(
    principal: Principal,
    session: RestoreSession,
    decision: PermittedAction | PermittedCopy,
    request: QueuedRequest,
    { stored, idempotency }: { stored: StoredRequest; idempotency: Idempotency | undefined },
  ): Promise<Operation> {
    const credential = await this.chooseCredential(session, decision.item, request);
    const operation = newOperation(principal, session, decision, request, {
      requestedAt: new Date(this.clock.now()),
      stored,
      credential,
      idempotency,
      // A device code is known to this process only.
      boundTo: credential === DEVICE_CODE ? this.replica.id : undefined,
    });
    const ceiling = this.ceilings.of(operation);
    if (request.action !== 'send' && request.userCode !== undefined) {
      const { userCode } = request;
      return this.runner.accepting(() =>
        this.acceptWithCode(principal, session, decision, operation, userCode, ceiling),
      );
    }
    const recorded = await this.trail.accepting(principal, operation, session, decision, (statements) =>
      new OperationsRepository(statements).accept(operation, ceiling),
    );
    const accepted = await this.withinCeiling(principal, operation, recorded);
    this.runner.wake();
    return accepted;
  }

  /** A device code does not wait in the queue: it is short-lived, known to this process only, and used up with the acceptance. */
  private async acceptWithCode(
    principal: Principal,
    session: RestoreSession,
    decision: PermittedAction | PermittedCopy,
    operation: NewOperation,
    userCode: Secret,
    ceiling: Ceiling | undefined,
  ): Promise<Operation> {
    const use = await this.deviceCodes.use(session, userCode);
    const claim = this.replica.claim();
    const recorded = await this.trail.accepting(principal, operation, session, decision, async (statements) =>
      (await use(statements))
        ? new OperationsRepository(statements).acceptAndClaim(operation, claim, { ceiling })
        : 'code-used',
    );
    if (recorded === 'code-used') {
      throw unknownDeviceCode();
    }
    const accepted = await this.withinCeiling(principal, operation, notBusy(recorded));
    this.heldDeviceCodes.hold(accepted.id, userCode, new Date(this.clock.now()));
    return accepted;
  }

  /** @throws SessionStoppedError, and OverCeilingError once that is on record */
  private async withinCeiling(
    principal: Principal,
    operation: NewOperation,
    accepted: Operation | 'over-ceiling' | undefined,
  ): Promise<Operation> {
    if (accepted !== 'over-ceiling') {
      return required(accepted);
    }
    await this.ceilings.record(principal, operation);
    throw new OverCeilingError();
  }

  /** The name of what will be used; what the server's version cannot take is refused before anything is recorded. */
  private async chooseCredential(
    session: RestoreSession,
    item: ActionItem,
    request: QueuedRequest,
  ): Promise<string | undefined> {
    if (request.action === 'send') {
      await this.servers.of(session).demandAction({ action: 'send', item });
      return undefined;
    }
    const profile =
      request.userCode === undefined
        ? this.profiles.resolve(session.organizationName, request.action, request.credentialProfile)
        : undefined;
    const credentials = profile ?? { kind: DEVICE_CODE };
    await this.servers
      .of(session)
      .demandAction(
        request.action === 'restore'
          ? { action: 'restore', item, options: request, credentials }
          : { action: 'copy', item, options: request, credentials },
      );
    return profile?.name ?? DEVICE_CODE;
  }
}

function notBusy<T>(recorded: T | 'busy'): T {
  if (recorded === 'busy') {
    throw new OperationConflictError('Another operation of this restore session is running.');
  }
  return recorded;
}

/** The session was stopped between our look and our record. */
function required(operation: Operation | undefined): Operation {
  if (operation === undefined) {
    throw new SessionStoppedError('The restore session has been stopped; open a new one.');
  }
  return operation;
}
