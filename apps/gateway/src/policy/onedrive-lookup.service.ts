import { NotFoundError } from '@app/problems';
import { type OneDrive, VeeamClient } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import type { CopyTarget } from '../actions/action-request.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';

/** A target as a caller names it, or as it was found when the copy was accepted. */
export type WantedTarget = CopyTarget | { readonly found: OneDrive };

/** Finds the OneDrives that requests name. Whose they are is not its matter. */
@Injectable()
export class OneDriveLookup {
  constructor(private readonly client: VeeamClient) {}

  /**
   * Exactly that id: a server that reads ids in any case would otherwise find what the policy knows by another name.
   * @throws NotFoundError
   */
  async inBackup(session: RestoreSession, oneDriveId: string): Promise<OneDrive> {
    const oneDrive = await this.client.getOneDrive(session.upstreamSessionId, oneDriveId);
    if (oneDrive?.id !== oneDriveId) {
      throw notFound();
    }
    return oneDrive;
  }

  /** @throws NotFoundError unless there is exactly one */
  async copyTarget(session: RestoreSession, target: WantedTarget): Promise<OneDrive> {
    if ('found' in target) {
      return target.found;
    }
    if ('oneDriveId' in target) {
      return this.inBackup(session, target.oneDriveId);
    }
    const [user, ...namesakes] = await this.client.findUsers(session.organizationId, target.user);
    const oneDrives =
      user && namesakes.length === 0 ? await this.client.listUserOneDrives(session.organizationId, user.id) : [];
    const [oneDrive, ...others] = oneDrives;
    if (oneDrive === undefined || others.length > 0) {
      throw noTarget(target);
    }
    return oneDrive;
  }
}

/** Alike whether there is none or the caller may not know of it. */
export function noTarget(target: WantedTarget): NotFoundError {
  return 'user' in target
    ? new NotFoundError('There is no such target, or it is not the only one of that user.')
    : notFound();
}

export function notFound(): NotFoundError {
  return new NotFoundError('There is no such OneDrive.');
}
