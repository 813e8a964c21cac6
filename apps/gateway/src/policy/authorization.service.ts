import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import { type OneDriveResource, type PolicyDecision, PolicySource } from '@app/policy';
import { type DomainError, ForbiddenError, NotFoundError } from '@app/problems';
import { type Operation, OperationsRepository, RestoreSessionsRepository } from '@app/store';
import { type OneDrive, type Organization, VeeamClient } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import type { Reasoned } from '../actions/action-request.js';
import { aboutSession, AuditTrail } from '../audit/audit-trail.js';
import { CLOCK } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { denied, deniedAtAll, nothingPermits } from './denials.js';
import {
  type About,
  type AskedCopy,
  type AskedOfItem,
  circumstances,
  copyQuestion,
  itemQuestion,
  purposeOf,
} from './item-question.js';
import { noTarget, notFound, OneDriveLookup } from './onedrive-lookup.service.js';
import { OwnershipService } from './ownership.service.js';
import { ReasonRules } from './reason-rules.service.js';

/** What the policy permits to do with a OneDrive, and by which policies. */
export interface PermittedAction extends Pick<PolicyDecision, 'policies'> {
  /** As the backup has it. */
  readonly oneDrive: OneDrive;
  /** Whether it is proven to be the caller's own. */
  readonly isOwn: boolean;
}

export interface PermittedCopy extends PermittedAction {
  /** A OneDrive of the session's own organization. */
  readonly target: OneDrive;
  /** Whether the target is proven to be the caller's own. */
  readonly isTargetOwn: boolean;
}

/**
 * Second stage of authorization: may this caller do this to this thing? All such questions about backups are asked here. It reads
 * upstream's catalog only, and only after the first stage said yes. What the caller may not see does not exist.
 *
 * What is the caller's own is looked up for questions about items and organizations, and not for those about sessions and operations.
 * Methods that return a OneDrive return it as the backup has it, and throw NotFoundError when the caller may not browse it or there is
 * none, ForbiddenError when the caller may browse it but not do this. Either is put on record before it is thrown, and what cannot be
 * recorded fails with StoreUnavailableError.
 */
@Injectable()
export class AuthorizationService {
  constructor(
    private readonly client: VeeamClient,
    private readonly ownership: OwnershipService,
    private readonly oneDrives: OneDriveLookup,
    private readonly reasonRules: ReasonRules,
    private readonly sessions: RestoreSessionsRepository,
    private readonly operations: OperationsRepository,
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The organizations the policy shows the caller: those operated, and those with an own OneDrive, unless it says otherwise. */
  async visibleOrganizations(principal: Principal): Promise<Organization[]> {
    const candidates = await this.candidates(principal);
    return candidates.filter(({ listing }) => listing.allowed).map(({ organization }) => organization);
  }

  /**
   * @throws ForbiddenError when the caller has nothing to do anywhere, or may see the organization but not open a session
   * @throws NotFoundError when it is not one of the caller's organizations, or none at all
   */
  async openRestoreSession(principal: Principal, organizationId: string, asked: Reasoned): Promise<Organization> {
    const { reason, onBehalfOf } = asked;
    const candidates = await this.candidates(principal);
    const found = candidates.find(({ organization }) => organization.id.toLowerCase() === organizationId.toLowerCase());
    if (!found?.listing.allowed) {
      await this.trail.decided(principal, 'openRestoreSession', found?.listing ?? nothingPermits, {
        organization: found?.organization.name.toLowerCase(),
        reason,
        onBehalfOf,
        detail: { organizationId },
      });
      throw candidates.some(({ listing }) => listing.allowed)
        ? new NotFoundError('There is no such organization.')
        : new ForbiddenError('You have no OneDrive here and operate no organization.');
    }
    const { organization, ownOneDrives } = found;
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives,
      action: 'openRestoreSession',
      resource: { type: 'Organization', name: organization.name },
      context: this.reasoned(asked),
    });
    await this.trail.decided(principal, 'openRestoreSession', decision, {
      organization: organization.name.toLowerCase(),
      reason,
      onBehalfOf,
    });
    if (!decision.allowed) {
      throw denied(decision);
    }
    return organization;
  }

  /** @throws NotFoundError unless the policy lets the caller use it. */
  async useRestoreSession(principal: Principal, session: RestoreSession): Promise<void> {
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'useRestoreSession',
      resource: toSessionResource(session),
      context: { time: this.now() },
    });
    if (!decision.allowed) {
      await this.trail.decided(principal, 'useRestoreSession', decision, aboutSession(session));
      throw new NotFoundError('There is no such restore session.');
    }
  }

  /**
   * Puts on record that a restore session was asked for which the caller did not open. Whether there is one, and in which
   * organization, is for the record only.
   */
  async noRestoreSession(principal: Principal, id: string): Promise<void> {
    const somebodyElses = await this.sessions.get(id);
    const thing = somebodyElses === undefined ? { restoreSessionId: id.toLowerCase() } : aboutSession(somebodyElses);
    await this.trail.decided(principal, 'useRestoreSession', nothingPermits, thing);
  }

  /** As `noRestoreSession`, of an operation that the caller did not begin. */
  async noOperation(principal: Principal, id: string): Promise<void> {
    const organization = await this.operations.organizationOf(id);
    await this.trail.decided(principal, 'readOperations', nothingPermits, {
      organization,
      operationId: id.toLowerCase(),
    });
  }

  /** @throws NotFoundError unless the policy lets the caller read it. */
  async readOperation(principal: Principal, { id, organizationName: organization, owner }: Operation): Promise<void> {
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'readOperations',
      resource: { type: 'Operation', id, organization, owner },
      context: { time: this.now() },
    });
    if (!decision.allowed) {
      await this.trail.decided(principal, 'readOperations', decision, { organization, operationId: id });
      throw new NotFoundError('There is no such operation.');
    }
  }

  /** Which OneDrives of a session the caller may browse: all of the organization, or some of the own ones by id. */
  async browsable(principal: Principal, session: RestoreSession): Promise<'all' | readonly string[]> {
    const ownOneDrives = await this.ownIds(principal, session);
    const decide = (resource: OneDriveResource | { type: 'Organization'; name: string }) =>
      this.policy.engine.decide({
        principal,
        ownOneDrives,
        action: 'browse',
        resource,
        context: circumstances({ session, time: this.now(), reasonRules: this.reasonRules }),
      });
    const ofAll = decide({ type: 'Organization', name: session.organizationName });
    if (ofAll.allowed) {
      await this.recordBrowsing(principal, session, ofAll);
      return 'all';
    }
    const own = ownOneDrives.map((id) => ({ id, ...decide(toResource(session, id)) })).filter(({ allowed }) => allowed);
    const policies = [...new Set(own.flatMap((decision) => decision.policies))].sort();
    await this.recordBrowsing(principal, session, own.length > 0 ? { allowed: true, policies } : ofAll);
    return own.map(({ id }) => id);
  }

  async browse(principal: Principal, session: RestoreSession, oneDriveId: string): Promise<OneDrive> {
    const { oneDrive, policies } = await this.act(principal, session, oneDriveId, { action: 'browse' });
    await this.recordBrowsing(principal, session, { allowed: true, policies }, oneDrive);
    return oneDrive;
  }

  async act(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    asked: AskedOfItem,
  ): Promise<PermittedAction> {
    await this.mustEver(principal, asked, session, oneDriveId);
    const about = await this.about(principal, session, oneDriveId);
    return this.recordingRefusal(about, asked, () => this.decided(about, asked));
  }

  /**
   * @throws NotFoundError when there is not exactly one target, or the caller may neither copy to it nor browse it
   */
  async copy(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    asked: AskedCopy,
  ): Promise<PermittedCopy> {
    await this.mustEver(principal, asked, session, oneDriveId);
    const about = await this.about(principal, session, oneDriveId);
    return this.recordingRefusal(about, asked, async () => {
      const { decision, ...permitted } = await this.copyDecision(about, asked);
      if (!decision.allowed) {
        throw new Denial(decision, denied(decision));
      }
      return { ...permitted, policies: decision.policies };
    });
  }

  /**
   * The same decisions on what such a request began before. The backup is not read for them: its restore session may be over by now.
   * @throws NotFoundError and ForbiddenError as `act` and `copy`
   */
  async again(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    asked: AskedOfItem | AskedCopy,
  ): Promise<PolicyDecision> {
    await this.mustEver(principal, asked, session, oneDriveId);
    const about = await this.about(principal, session, oneDriveId);
    return this.recordingRefusal(about, asked, async () => {
      if (asked.action !== 'copy') {
        return this.permitted(about, asked);
      }
      this.permitted(about, toBrowse(asked));
      const { target } = asked;
      const { id } =
        'oneDriveId' in target ? { id: target.oneDriveId } : await this.oneDrives.copyTarget(session, target);
      const decision = this.copyInto(about, asked, id);
      if (!decision.allowed) {
        throw new Denial(decision, denied(decision));
      }
      return decision;
    });
  }

  /**
   * The decision on what could be asked for, without doing it.
   * @throws NotFoundError for what the caller may not browse, as if there were none
   */
  async explain(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    asked: AskedOfItem | AskedCopy,
  ): Promise<PolicyDecision> {
    const about = await this.about(principal, session, oneDriveId);
    try {
      if (asked.action === 'copy') {
        return (await this.copyDecision(about, asked)).decision;
      }
      await this.decided(about, toBrowse(asked));
      return this.policy.engine.decide(itemQuestion(about, asked));
    } catch (error) {
      throw error instanceof Denial ? error.answer : error;
    }
  }

  /** @throws ForbiddenError unless the policy permits the caller a device code for this session. */
  async deviceCode(principal: Principal, session: RestoreSession): Promise<void> {
    const decision = this.explainDeviceCode(principal, session);
    await this.trail.decided(principal, 'requestDeviceCode', decision, {
      ...aboutSession(session),
      ...purposeOf(session),
    });
    if (!decision.allowed) {
      throw denied(decision);
    }
  }

  explainDeviceCode(principal: Principal, session: RestoreSession): PolicyDecision {
    return this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'requestDeviceCode',
      resource: toSessionResource(session),
      context: this.reasoned(session),
    });
  }

  /** The organizations that the caller's issuer speaks for, each with the decision on whether it is shown. */
  private async candidates(principal: Principal) {
    const candidates = (await this.client.listOrganizations()).filter(({ name }) =>
      principal.organizations.includes(name.toLowerCase()),
    );
    return Promise.all(
      candidates.map(async (organization) => {
        const own = await this.ownership.ownOneDrives(principal, organization.id);
        const ownOneDrives = own.map(({ id }) => id);
        const listing = this.policy.engine.decide({
          principal,
          ownOneDrives,
          action: 'listOrganizations',
          resource: { type: 'Organization', name: organization.name },
          context: { time: this.now() },
        });
        return { organization, ownOneDrives, listing };
      }),
    );
  }

  /** A caller who never may is told so before anything is looked up. */
  private async mustEver(
    principal: Principal,
    { action, reason }: AskedOfItem | AskedCopy,
    session: RestoreSession,
    oneDriveId: string,
  ): Promise<void> {
    const decision = this.policy.engine.firstStage(principal, action);
    if (!decision.allowed) {
      await this.trail.decided(principal, action, decision, {
        ...aboutSession(session),
        item: { kind: 'onedrive', oneDriveId },
        reason: reason ?? session.reason,
      });
      throw deniedAtAll(decision);
    }
  }

  /** What is looked at: once for each listing, and not for each of what it shows. */
  private async recordBrowsing(
    principal: Principal,
    session: RestoreSession,
    decision: Pick<PolicyDecision, 'allowed' | 'policies'>,
    oneDrive?: OneDrive,
  ): Promise<void> {
    await this.trail.decided(principal, 'browse', decision, {
      ...aboutSession(session),
      item: oneDrive && { kind: 'onedrive', oneDriveId: oneDrive.id },
      reason: session.reason,
    });
  }

  /** What every question about an item begins with. */
  private async about(principal: Principal, session: RestoreSession, oneDriveId: string): Promise<About> {
    const ownOneDrives = await this.ownIds(principal, session);
    const resource = toResource(session, oneDriveId);
    return { principal, ownOneDrives, session, resource, time: this.now(), reasonRules: this.reasonRules };
  }

  /** @throws Denial */
  private async decided(about: About, asked: AskedOfItem): Promise<PermittedAction> {
    const decision = this.permitted(about, asked);
    const { session, resource, ownOneDrives } = about;
    const oneDrive = await this.oneDrives.inBackup(session, resource.id);
    return { oneDrive, isOwn: ownOneDrives.includes(oneDrive.id), policies: decision.policies };
  }

  /** @throws Denial */
  private permitted(about: About, asked: AskedOfItem): PolicyDecision {
    const decision = this.policy.engine.decide(itemQuestion(about, asked));
    if (!decision.allowed) {
      throw new Denial(decision, this.mayBrowse(about, asked) ? denied(decision) : notFound());
    }
    return decision;
  }

  /** What there is not is on record too, whoever may browse it: ids that are tried out show. */
  private async recordingRefusal<T>(
    { principal, session, resource }: About,
    asked: AskedOfItem | AskedCopy,
    decide: () => Promise<T>,
  ): Promise<T> {
    try {
      return await decide();
    } catch (error) {
      const denial = error instanceof NotFoundError ? new Denial(nothingPermits, error) : error;
      if (!(denial instanceof Denial)) throw error;
      await this.trail.decided(principal, asked.action, denial.decision, {
        ...aboutSession(session),
        item: { kind: 'onedrive', oneDriveId: resource.id },
        ...purposeOf(session, asked),
      });
      throw denial.answer;
    }
  }

  private async copyDecision(about: About, asked: AskedCopy) {
    // Before the target is looked for, so that the answer tells nothing of it to who may not even see the source.
    const { oneDrive, isOwn } = await this.decided(about, toBrowse(asked));
    const target = await this.oneDrives.copyTarget(about.session, asked.target);
    const decision = this.copyInto(about, asked, target.id);
    return { decision, oneDrive, isOwn, target, isTargetOwn: about.ownOneDrives.includes(target.id) };
  }

  /** @throws Denial where the target does not exist for the caller */
  private copyInto(about: About, asked: AskedCopy, targetId: string): PolicyDecision {
    const into = toResource(about.session, targetId);
    const decision = this.policy.engine.decide(copyQuestion(about, asked, into));
    if (!decision.allowed && !this.mayBrowse({ ...about, resource: into }, asked)) {
      throw new Denial(decision, noTarget(asked.target));
    }
    return decision;
  }

  /** Whether a OneDrive exists for the caller, who may then be told what else the policy says of it. */
  private mayBrowse(about: About, asked: Reasoned): boolean {
    return this.policy.engine.decide(itemQuestion(about, toBrowse(asked))).allowed;
  }

  /** A session opened when the issuer still spoke for the organization proves nothing today. */
  private async ownIds(principal: Principal, session: RestoreSession): Promise<readonly string[]> {
    if (!principal.organizations.includes(session.organizationName)) {
      return [];
    }
    const own = await this.ownership.ownOneDrives(principal, session.organizationId);
    return own.map(({ id }) => id);
  }

  private reasoned({ reason, onBehalfOf }: Reasoned) {
    return { time: this.now(), reason, reasonAccepted: this.reasonRules.isAccepted(reason), onBehalfOf };
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}

/** To look at it, for the same purpose. */
function toBrowse({ reason, onBehalfOf }: Reasoned): AskedOfItem {
  return { action: 'browse', reason, onBehalfOf };
}

/** A no, on its way to the record and from there to the caller. */
class Denial extends Error {
  constructor(
    readonly decision: Pick<PolicyDecision, 'allowed' | 'policies'>,
    /** All that the caller is told. */
    readonly answer: DomainError,
  ) {
    super('denied');
  }
}

function toResource(session: RestoreSession, id: string): OneDriveResource {
  return { type: 'OneDrive', id, organization: session.organizationName };
}

function toSessionResource({ id, organizationName: organization, owner }: RestoreSession) {
  return { type: 'RestoreSession' as const, id, organization, owner };
}
