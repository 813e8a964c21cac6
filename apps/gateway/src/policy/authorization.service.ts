import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import { type OneDriveResource, type PolicyAction, type PolicyQuestion, PolicySource } from '@app/policy';
import { ForbiddenError, NotFoundError } from '@app/problems';
import type { Operation } from '@app/store';
import { type OneDrive, type Organization, VeeamClient } from '@app/veeam-client';
import { Inject, Injectable } from '@nestjs/common';

import type { CopyRequest, CopyTarget, RestoreRequest } from '../actions/action-request.js';
import { CLOCK } from '../infrastructure/tokens.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { denied } from './denials.js';
import { OwnershipService } from './ownership.service.js';

/** What is known of a mail when the policy is asked about it. */
export interface MailFacts {
  readonly reason: string | undefined;
  readonly senderAllowed: boolean;
  readonly recipientAllowed: boolean;
}

/**
 * Second stage of authorization: may this caller do this to this thing? All such questions are asked here. It reads
 * upstream's catalog only, and only after the first stage said yes. What the caller may not see does not exist.
 *
 * What is the caller's own is looked up for questions about items and organizations, and not for those about sessions and operations.
 * Methods that return a OneDrive return it as the backup has it, and throw NotFoundError when the caller may not browse it or there is
 * none, ForbiddenError when the caller may browse it but not do this.
 */
@Injectable()
export class AuthorizationService {
  constructor(
    private readonly client: VeeamClient,
    private readonly ownership: OwnershipService,
    private readonly policy: PolicySource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The organizations the policy shows the caller: those operated, and those with an own OneDrive, unless it says otherwise. */
  async visibleOrganizations(principal: Principal): Promise<Organization[]> {
    return (await this.visible(principal)).map(({ organization }) => organization);
  }

  /**
   * @throws ForbiddenError when the caller has nothing to do anywhere, or may see the organization but not open a session
   * @throws NotFoundError when it is not one of the caller's organizations, or none at all
   */
  async openRestoreSession(principal: Principal, organizationId: string, reason?: string): Promise<Organization> {
    const visible = await this.visible(principal);
    if (visible.length === 0) {
      throw new ForbiddenError('You have no OneDrive here and operate no organization.');
    }
    const found = visible.find(({ organization }) => organization.id.toLowerCase() === organizationId.toLowerCase());
    if (found === undefined) {
      throw new NotFoundError('There is no such organization.');
    }
    const { organization, ownOneDrives } = found;
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives,
      action: 'openRestoreSession',
      resource: { type: 'Organization', name: organization.name },
      context: { time: this.now(), reason },
    });
    if (!decision.allowed) {
      throw denied(decision);
    }
    return organization;
  }

  /** @throws NotFoundError unless the policy lets the caller use it. */
  useRestoreSession(principal: Principal, session: RestoreSession): void {
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'useRestoreSession',
      resource: toSessionResource(session),
      context: { time: this.now() },
    });
    if (!decision.allowed) {
      throw new NotFoundError('There is no such restore session.');
    }
  }

  /** @throws NotFoundError unless the policy lets the caller read it. */
  readOperation(principal: Principal, { id, organizationName: organization, owner }: Operation): void {
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'readOperations',
      resource: { type: 'Operation', id, organization, owner },
      context: { time: this.now() },
    });
    if (!decision.allowed) {
      throw new NotFoundError('There is no such operation.');
    }
  }

  /** Which OneDrives of a session the caller may browse: all of the organization, or some of the own ones by id. */
  async browsable(principal: Principal, session: RestoreSession): Promise<'all' | readonly string[]> {
    const ownOneDrives = await this.ownIds(principal, session);
    const mayBrowse = (resource: OneDriveResource | { type: 'Organization'; name: string }) =>
      this.policy.engine.decide({
        principal,
        ownOneDrives,
        action: 'browse',
        resource,
        context: this.circumstances(session),
      }).allowed;
    return mayBrowse({ type: 'Organization', name: session.organizationName })
      ? 'all'
      : ownOneDrives.filter((id) => mayBrowse(toResource(session, id)));
  }

  async browse(principal: Principal, session: RestoreSession, oneDriveId: string): Promise<OneDrive> {
    const about = await this.about(principal, 'browse', session, oneDriveId);
    return this.decided(session, { ...about, action: 'browse', context: this.circumstances(session) });
  }

  async restore(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    { reason, documentAction }: RestoreRequest,
    credentialProfile: string | undefined,
  ): Promise<OneDrive> {
    const about = await this.about(principal, 'restore', session, oneDriveId);
    const context = { ...this.circumstances(session, reason), documentAction, credentialProfile };
    return this.decided(session, { ...about, action: 'restore', context });
  }

  /** @returns the target as well: a OneDrive of the session's own organization; NotFoundError when there is not exactly one */
  async copy(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    request: CopyRequest,
    credentialProfile: string | undefined,
  ): Promise<{ oneDrive: OneDrive; target: OneDrive }> {
    const about = await this.about(principal, 'copy', session, oneDriveId);
    // Before the target is looked for, so that the answer tells nothing of it to who may not even see the source.
    await this.decided(session, { ...about, action: 'browse', context: this.circumstances(session, request.reason) });
    const target = await this.copyTarget(session, request.target);
    const oneDrive = await this.decided(session, {
      ...about,
      action: 'copy',
      context: {
        ...this.circumstances(session, request.reason),
        credentialProfile,
        documentAction: request.documentLastVersionAction,
        restorePermissions: request.restorePermissions,
        target: toResource(session, target.id),
      },
    });
    return { oneDrive, target };
  }

  async send(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    { reason, senderAllowed, recipientAllowed }: MailFacts,
  ): Promise<OneDrive> {
    const about = await this.about(principal, 'send', session, oneDriveId);
    const context = { ...this.circumstances(session, reason), senderAllowed, recipientAllowed };
    return this.decided(session, { ...about, action: 'send', context });
  }

  async save(
    principal: Principal,
    session: RestoreSession,
    oneDriveId: string,
    { reason }: { readonly reason?: string | undefined },
  ): Promise<OneDrive> {
    const about = await this.about(principal, 'save', session, oneDriveId);
    return this.decided(session, { ...about, action: 'save', context: this.circumstances(session, reason) });
  }

  /** @throws ForbiddenError unless the policy permits the caller a device code for this session. */
  deviceCode(principal: Principal, session: RestoreSession): void {
    const decision = this.policy.engine.decide({
      principal,
      ownOneDrives: [],
      action: 'requestDeviceCode',
      resource: toSessionResource(session),
      context: { time: this.now(), reason: session.reason },
    });
    if (!decision.allowed) {
      throw denied(decision);
    }
  }

  private async visible(principal: Principal) {
    const candidates = (await this.client.listOrganizations()).filter(({ name }) =>
      principal.organizations.includes(name.toLowerCase()),
    );
    const shown = await Promise.all(
      candidates.map(async (organization) => {
        const own = await this.ownership.ownOneDrives(principal, organization.id);
        const ownOneDrives = own.map(({ id }) => id);
        const { allowed } = this.policy.engine.decide({
          principal,
          ownOneDrives,
          action: 'listOrganizations',
          resource: { type: 'Organization', name: organization.name },
          context: { time: this.now() },
        });
        return allowed ? [{ organization, ownOneDrives }] : [];
      }),
    );
    return shown.flat();
  }

  /** What every question about an item begins with. A caller who never may is told so before anything is looked up. */
  private async about(principal: Principal, action: PolicyAction, session: RestoreSession, oneDriveId: string) {
    if (!this.policy.engine.mayEver(principal, action)) {
      throw new ForbiddenError('The policy does not allow you this kind of thing.');
    }
    const ownOneDrives = await this.ownIds(principal, session);
    return { principal, ownOneDrives, resource: toResource(session, oneDriveId) };
  }

  private async decided(
    session: RestoreSession,
    question: Extract<PolicyQuestion, { action: 'browse' | 'restore' | 'copy' | 'send' | 'save' }> & {
      resource: OneDriveResource;
    },
  ): Promise<OneDrive> {
    const decision = this.policy.engine.decide(question);
    if (!decision.allowed) {
      const { principal, ownOneDrives, resource } = question;
      const context = this.circumstances(session, question.context.reason);
      const mayBrowse = this.policy.engine.decide({ principal, ownOneDrives, resource, action: 'browse', context });
      throw mayBrowse.allowed ? denied(decision) : notFound();
    }
    return this.existing(session, question.resource.id);
  }

  /** A session opened when the issuer still spoke for the organization proves nothing today. */
  private async ownIds(principal: Principal, session: RestoreSession): Promise<readonly string[]> {
    if (!principal.organizations.includes(session.organizationName)) {
      return [];
    }
    const own = await this.ownership.ownOneDrives(principal, session.organizationId);
    return own.map(({ id }) => id);
  }

  private async copyTarget(session: RestoreSession, target: CopyTarget): Promise<OneDrive> {
    if ('oneDriveId' in target) {
      return this.existing(session, target.oneDriveId);
    }
    const [user, ...namesakes] = await this.client.findUsers(session.organizationId, target.user);
    const oneDrives =
      user && namesakes.length === 0 ? await this.client.listUserOneDrives(session.organizationId, user.id) : [];
    const [oneDrive, ...others] = oneDrives;
    if (oneDrive === undefined || others.length > 0) {
      throw new NotFoundError('There is no such target, or it is not the only one of that user.');
    }
    return oneDrive;
  }

  /** Exactly that id: a server that reads ids in any case would otherwise find what the policy knows by another name. */
  private async existing(session: RestoreSession, oneDriveId: string): Promise<OneDrive> {
    const oneDrive = await this.client.getOneDrive(session.upstreamSessionId, oneDriveId);
    if (oneDrive?.id !== oneDriveId) {
      throw notFound();
    }
    return oneDrive;
  }

  private circumstances(session: RestoreSession, reason: string | undefined = session.reason) {
    return { time: this.now(), reason, itemKind: 'oneDrive' as const };
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}

function toResource(session: RestoreSession, id: string): OneDriveResource {
  return { type: 'OneDrive', id, organization: session.organizationName };
}

function toSessionResource({ id, organizationName: organization, owner }: RestoreSession) {
  return { type: 'RestoreSession' as const, id, organization, owner };
}

function notFound(): NotFoundError {
  return new NotFoundError('There is no such OneDrive.');
}
