import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import { type PolicyDecision, PolicySource } from '@app/policy';
import { ForbiddenError, NotFoundError, ValidationFailedError } from '@app/problems';
import { type Operation, OperationsRepository, RestoreSessionsRepository } from '@app/store';
import { type Answers, BackupServers, type MissingServer, type ServedOrganization } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import type { Reasoned } from '../actions/action-request.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { aboutSession } from '../audit/record-parts.js';
import { CLOCK } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { denied, nothingPermits } from './denials.js';
import { purposeOf } from './item-question.js';
import { OwnershipService } from './ownership.service.js';
import { ReasonRules } from './reason-rules.service.js';

/** What the policy shows a caller. */
export interface VisibleOrganizations {
  readonly organizations: readonly ServedOrganization[];
  /** Otherwise there may be more of them: a backup server could not be asked, or not about one of its organizations. */
  readonly isComplete: boolean;
}

/** An organization that the caller's issuer speaks for, and the decision on whether it is shown. */
interface Candidate {
  readonly organization: ServedOrganization;
  readonly ownOneDrives: readonly string[];
  readonly listing: PolicyDecision;
}

/**
 * Second stage of authorization: may this caller do this to this organization, restore session or operation? What is in a session is
 * the matter of `ItemAuthorization`. It reads upstream's catalog only, and only after the first stage said yes. What the caller may not
 * see does not exist.
 *
 * What is the caller's own is looked up for questions about organizations, and not for those about sessions and operations. A refusal is
 * put on record before it is thrown, and what cannot be recorded fails with StoreUnavailableError.
 */
@Injectable()
export class AuthorizationService {
  constructor(
    private readonly servers: BackupServers,
    private readonly ownership: OwnershipService,
    private readonly reasonRules: ReasonRules,
    private readonly sessions: RestoreSessionsRepository,
    private readonly operations: OperationsRepository,
    private readonly policy: PolicySource,
    private readonly trail: AuditTrail,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The organizations the policy shows the caller: those operated, and those with an own OneDrive, unless it says otherwise. */
  async visibleOrganizations(principal: Principal): Promise<VisibleOrganizations> {
    const { answers: organizations, missing } = await this.organizations(principal);
    const { answers: candidates, missing: unknown } = await this.candidates(principal, organizations);
    const visible = candidates.filter(({ listing }) => listing.allowed);
    const failures = [...missing, ...unknown];
    if (visible.length === 0) throwFirst(failures);
    return { organizations: visible.map(({ organization }) => organization), isComplete: failures.length === 0 };
  }

  /**
   * @throws ForbiddenError when the caller has nothing to do anywhere, or may see the organization but not open a session
   * @throws NotFoundError when it is not one of the caller's organizations, or none at all
   * @throws ValidationFailedError when several backup servers have it
   * @throws what keeps a backup server from being asked that may have it, if no other has, or that had it by this name
   */
  async openRestoreSession(principal: Principal, idOrName: string, asked: Reasoned): Promise<ServedOrganization> {
    const { reason, onBehalfOf } = asked;
    const { answers: organizations, missing } = await this.organizations(principal);
    const wanted = idOrName.toLowerCase();
    const named = organizations.filter(({ id, name }) => [id, name].some((one) => one.toLowerCase() === wanted));
    // Where there is none, as much is looked at as if there were: nobody can tell by the time that an answer takes.
    const lookedAt = named.length > 0 ? named : organizations.slice(0, 1);
    const looked = await this.candidates(principal, lookedAt);
    const { answers: known, missing: unknown } = named.length > 0 ? looked : nothing;
    throwFirst(unknown);
    const [found, ...others] = known.filter(({ listing }) => listing.allowed);
    if (found === undefined) {
      if (known.length === 0) throwFirst(missing);
      const theRest = organizations.filter((one) => !lookedAt.includes(one));
      const mayOpenAnother = [looked, await this.candidates(principal, theRest)].some(mayBeShownAny);
      await this.trail.decided(principal, 'openRestoreSession', known[0]?.listing ?? nothingPermits, {
        organization: known[0]?.organization.name.toLowerCase(),
        reason,
        onBehalfOf,
        detail: { organizationId: idOrName },
      });
      throw mayOpenAnother
        ? new NotFoundError('There is no such organization.')
        : new ForbiddenError('You have no OneDrive here and operate no organization.');
    }
    if (others.length > 0) {
      throw onSeveralServers([found, ...others].map(({ organization }) => organization));
    }
    const { organization, ownOneDrives } = found;
    if (organization.id.toLowerCase() !== wanted) {
      throwFirst(missing.filter(({ backupServer }) => this.servers.wasSeenOn(backupServer, organization.name)));
    }
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

  /** Those that the caller's issuer speaks for. */
  private async organizations({ organizations }: Principal): Promise<Answers<ServedOrganization>> {
    const servers = this.servers.thatMayHave(organizations);
    const { answers, missing } = await this.servers.ask(servers, (server) =>
      this.servers.organizationsOn(server, organizations),
    );
    return { answers: answers.flat(), missing };
  }

  /** Each with the decision on whether it is shown, but for those whose people cannot be looked up: then nobody knows. */
  private candidates(principal: Principal, organizations: readonly ServedOrganization[]): Promise<Answers<Candidate>> {
    return this.servers.askAbout(organizations, async (organization) => {
      const { backupServer, id: organizationId, name } = organization;
      const own = await this.ownership.ownOneDrives(principal, { backupServer, organizationId });
      const ownOneDrives = own.map(({ id }) => id);
      const listing = this.policy.engine.decide({
        principal,
        ownOneDrives,
        action: 'listOrganizations',
        resource: { type: 'Organization', name },
        context: { time: this.now() },
      });
      return { organization, ownOneDrives, listing };
    });
  }

  private reasoned({ reason, onBehalfOf }: Reasoned) {
    return { time: this.now(), reason, reasonAccepted: this.reasonRules.isAccepted(reason), onBehalfOf };
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}

const nothing: Answers<Candidate> = { answers: [], missing: [] };

/** Who may be shown one that could not be looked at is told no more than who is. */
function mayBeShownAny({ answers, missing }: Answers<Candidate>): boolean {
  return missing.length > 0 || answers.some(({ listing }) => listing.allowed);
}

function throwFirst([missing]: readonly MissingServer[]): void {
  if (missing !== undefined) throw missing.error;
}

/** Which of them is meant, nobody but the caller can say: they are of one tenant, and their backups are not the same. */
function onSeveralServers(organizations: readonly ServedOrganization[]): ValidationFailedError {
  const ids = [...new Set(organizations.map(({ id }) => id))];
  const message =
    ids.length === organizations.length
      ? `is on several backup servers; give an id instead: ${ids.join(', ')}`
      : 'is on several backup servers by the same id; the configuration must say which of them serves it';
  return new ValidationFailedError([{ field: 'organization', message }]);
}

function toSessionResource({ id, organizationName: organization, owner }: RestoreSession) {
  return { type: 'RestoreSession' as const, id, organization, owner };
}
