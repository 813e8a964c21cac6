import type { Principal } from '@app/identity';
import { ForbiddenError, NotFoundError } from '@app/problems';
import { type OneDrive, type Organization, VeeamClient } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import type { RestoreSession } from '../restore-sessions/restore-session.js';
import { OwnershipService } from './ownership.service.js';
import type { PolicyAction } from './policy-action.js';
import { isOperatorOf, mayEver, mayOwnOneDrives } from './standing.js';

type ItemAction = Extract<PolicyAction, 'browse' | 'restore' | 'copy' | 'send' | 'save'>;

/** What a person may do to the own OneDrive; the rest takes an operator. */
const ownersActions: readonly ItemAction[] = ['browse', 'restore', 'save'];

/**
 * Second stage of authorization: may this caller do this to this thing? All such questions are asked here. It reads
 * upstream's catalog only, and only after the first stage said yes. What the caller may not see does not exist.
 */
@Injectable()
export class AuthorizationService {
  constructor(
    private readonly client: VeeamClient,
    private readonly ownership: OwnershipService,
  ) {}

  /** The organizations in which the caller has anything to do: those operated, and those with an own OneDrive. */
  async visibleOrganizations(principal: Principal): Promise<Organization[]> {
    const candidates = (await this.client.listOrganizations()).filter(({ name }) =>
      principal.organizations.includes(name.toLowerCase()),
    );
    const visible = await Promise.all(
      candidates.map(
        async ({ id, name }) =>
          isOperatorOf(principal, name) || (await this.ownership.ownOneDrives(principal, id)).length > 0,
      ),
    );
    return candidates.filter((_, index) => visible[index]);
  }

  /**
   * @throws ForbiddenError when the caller has nothing to do anywhere
   * @throws NotFoundError when it is not one of the caller's organizations, or none at all
   */
  async openRestoreSession(principal: Principal, organizationId: string): Promise<Organization> {
    const visible = await this.visibleOrganizations(principal);
    if (visible.length === 0) {
      throw new ForbiddenError('You have no OneDrive here and operate no organization.');
    }
    const organization = visible.find(({ id }) => id.toLowerCase() === organizationId.toLowerCase());
    if (organization === undefined) {
      throw new NotFoundError('There is no such organization.');
    }
    return organization;
  }

  /** Which OneDrives of a session the caller may browse: all of the organization, or the own ones by id. */
  async browsable(principal: Principal, session: RestoreSession): Promise<'all' | readonly string[]> {
    if (isOperatorOf(principal, session.organizationName)) {
      return 'all';
    }
    return this.ownIds(principal, session);
  }

  /**
   * @returns the OneDrive as the backup has it
   * @throws ForbiddenError when the caller may browse it, but not do this
   * @throws NotFoundError when it is not the caller's, or does not exist
   */
  async oneDrive(
    principal: Principal,
    action: ItemAction,
    session: RestoreSession,
    oneDriveId: string,
  ): Promise<OneDrive> {
    if (!mayEver(principal, action)) {
      throw new ForbiddenError('Your role does not allow this.');
    }
    if (!isOperatorOf(principal, session.organizationName)) {
      const own = await this.ownIds(principal, session);
      if (!own.includes(oneDriveId)) {
        throw new NotFoundError('There is no such OneDrive.');
      }
      if (!ownersActions.includes(action)) {
        throw new ForbiddenError('This takes an operator of the organization.');
      }
    }
    return this.existing(session, oneDriveId);
  }

  /**
   * The target of a copy: a OneDrive of the session's own organization, which the caller operates.
   * @throws NotFoundError when there is none, or not exactly one, that the caller covers
   */
  async copyTarget(
    principal: Principal,
    session: RestoreSession,
    target: { readonly oneDriveId: string } | { readonly user: string },
  ): Promise<OneDrive> {
    if (!isOperatorOf(principal, session.organizationName)) {
      throw new ForbiddenError('Copying takes an operator of the organization.');
    }
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

  /** @throws ForbiddenError unless the caller operates the session's organization. */
  deviceCode(principal: Principal, session: RestoreSession): void {
    if (!isOperatorOf(principal, session.organizationName)) {
      throw new ForbiddenError('Device codes take an operator of the organization.');
    }
  }

  private async ownIds(principal: Principal, session: RestoreSession): Promise<readonly string[]> {
    // A session opened when the issuer still spoke for the organization proves nothing today.
    if (!mayOwnOneDrives(principal) || !principal.organizations.includes(session.organizationName)) {
      return [];
    }
    const own = await this.ownership.ownOneDrives(principal, session.organizationId);
    return own.map(({ id }) => id);
  }

  private async existing(session: RestoreSession, oneDriveId: string): Promise<OneDrive> {
    const oneDrive = await this.client.getOneDrive(session.upstreamSessionId, oneDriveId);
    if (oneDrive === undefined) {
      throw new NotFoundError('There is no such OneDrive.');
    }
    return oneDrive;
  }
}
