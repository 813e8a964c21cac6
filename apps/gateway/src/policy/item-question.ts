import type { OneDriveResource, PolicyQuestion } from '@app/policy';

import type { CopyRequest, RestoreRequest } from '../actions/action-request.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import type { WantedTarget } from './onedrive-lookup.service.js';
import type { ReasonRules } from './reason-rules.service.js';

interface WithCredentialProfile {
  /** What the policy is told of the credentials: undefined for a device code. */
  readonly credentialProfile: string | undefined;
}

/** What is asked of a OneDrive, as far as the policy decides by it. */
export type AskedOfItem =
  | { readonly action: 'browse' | 'save'; readonly reason?: string | undefined }
  | (Pick<RestoreRequest, 'action' | 'reason' | 'documentAction'> & WithCredentialProfile)
  | {
      readonly action: 'send';
      readonly reason?: string | undefined;
      readonly senderAllowed: boolean;
      readonly recipientAllowed: boolean;
    };

export interface AskedCopy
  extends
    Pick<CopyRequest, 'action' | 'reason' | 'documentLastVersionAction' | 'restorePermissions'>,
    WithCredentialProfile {
  readonly target: WantedTarget;
}

/** Who asks about which OneDrive of which session, and when. */
export interface About extends Pick<PolicyQuestion, 'principal' | 'ownOneDrives'> {
  readonly session: RestoreSession;
  readonly resource: OneDriveResource;
  readonly time: Date;
  readonly reasonRules: ReasonRules;
}

export type ItemQuestion = Extract<PolicyQuestion, { action: 'browse' | 'restore' | 'copy' | 'send' | 'save' }>;

/** The one place where a question about an item is put together, whether it is to be done or only explained. */
export function itemQuestion(about: About, asked: AskedOfItem): ItemQuestion {
  const { principal, ownOneDrives, resource } = about;
  const asker = { principal, ownOneDrives, resource };
  const context = circumstances(about, asked.reason);
  switch (asked.action) {
    case 'browse':
    case 'save':
      return { ...asker, action: asked.action, context };
    case 'restore': {
      const { documentAction, credentialProfile } = asked;
      return { ...asker, action: 'restore', context: { ...context, documentAction, credentialProfile } };
    }
    case 'send': {
      const { senderAllowed, recipientAllowed } = asked;
      return { ...asker, action: 'send', context: { ...context, senderAllowed, recipientAllowed } };
    }
  }
}

export function copyQuestion(about: About, asked: AskedCopy, target: OneDriveResource): ItemQuestion {
  const { principal, ownOneDrives, resource } = about;
  const { credentialProfile, documentLastVersionAction: documentAction, restorePermissions, reason } = asked;
  return {
    principal,
    ownOneDrives,
    resource,
    action: 'copy',
    context: { ...circumstances(about, reason), credentialProfile, documentAction, restorePermissions, target },
  };
}

/** What is done in a session without a reason of its own is done for the reason the session was opened for. */
export function circumstances(
  { session, time, reasonRules }: Pick<About, 'session' | 'time' | 'reasonRules'>,
  reason: string | undefined = session.reason,
) {
  return { time, reason, reasonAccepted: reasonRules.isAccepted(reason), itemKind: 'oneDrive' as const };
}
