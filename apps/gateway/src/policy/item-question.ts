import type { ItemKind, OneDriveResource, PolicyQuestion } from '@app/policy';

import type { ActionItem } from '@app/veeam-client';

import type { CopyRequest, Reasoned, RestoreRequest } from '../actions/action-request.js';
import { aboutSession, type DecidedThing } from '../audit/record-parts.js';
import type { OrganizationPlace, RestoreSession } from '../restore-sessions/restore-session.js';
import type { WantedTarget } from './item-lookup.service.js';
import type { ReasonRules } from './reason-rules.service.js';

interface WithCredentialProfile {
  /** What the policy is told of the credentials: undefined for a device code. */
  readonly credentialProfile: string | undefined;
}

/** Nothing that the policy is told: what the record of the decision says. */
interface Recorded {
  /** The operation that is decided on again when it starts; undefined for what is asked by a request. */
  readonly operationId?: string | undefined;
}

/** What is asked of an item, as far as the policy decides by it. */
export type AskedOfItem = Recorded &
  (
    | ({ readonly action: 'browse' | 'save' } & Reasoned)
    | (Pick<RestoreRequest, 'action' | 'reason' | 'onBehalfOf' | 'documentAction'> & WithCredentialProfile)
    | ({
        readonly action: 'send';
        readonly senderAllowed: boolean;
        readonly recipientAllowed: boolean;
      } & Reasoned)
  );

export interface AskedCopy
  extends
    Recorded,
    Pick<CopyRequest, 'action' | 'reason' | 'onBehalfOf' | 'documentLastVersionAction' | 'restorePermissions'>,
    WithCredentialProfile {
  readonly target: WantedTarget;
}

/** Where an item is asked about: in a restore session, or in an organization that one may be opened in. */
export type ItemPlace = OrganizationPlace &
  Pick<RestoreSession, 'organizationName' | 'reason' | 'onBehalfOf'> &
  Partial<Pick<RestoreSession, 'id' | 'upstreamSessionId'>>;

/** Who asks about which item, where and when. */
export interface About extends Pick<PolicyQuestion, 'principal' | 'ownOneDrives'> {
  readonly place: ItemPlace;
  readonly item: ActionItem;
  /** What the policy is told of the item. */
  readonly sort: ItemSort;
  /** The OneDrive that the item is or lies in: what the policy knows. */
  readonly resource: OneDriveResource;
  readonly time: Date;
  readonly reasonRules: ReasonRules;
}

export type ItemQuestion = Extract<PolicyQuestion, { action: 'browse' | 'restore' | 'copy' | 'send' | 'save' }>;

/** The one place where a question about an item is put together, whether it is to be done or only explained. */
export function itemQuestion(about: About, asked: AskedOfItem): ItemQuestion {
  const { principal, ownOneDrives, resource } = about;
  const asker = { principal, ownOneDrives, resource };
  const context = circumstances(about, asked);
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
  const { credentialProfile, documentLastVersionAction: documentAction, restorePermissions } = asked;
  return {
    principal,
    ownOneDrives,
    resource,
    action: 'copy',
    context: { ...circumstances(about, asked), credentialProfile, documentAction, restorePermissions, target },
  };
}

/** What is done in a session without a reason of its own is done for the reason the session was opened for; likewise for whom. */
export function circumstances(
  { place, time, reasonRules, sort }: Pick<About, 'place' | 'time' | 'reasonRules' | 'sort'>,
  asked: Reasoned = {},
) {
  const purpose = purposeOf(place, asked);
  return { time, ...purpose, reasonAccepted: reasonRules.isAccepted(purpose.reason), itemKind: itemKindOf(sort) };
}

/** Several of a kind are asked about as one of them is. */
function itemKindOf({ kind, versionId }: ItemSort): ItemKind {
  return versionId === undefined ? itemKinds[kind] : 'version';
}

/** What sort of item it is, and not which. */
export interface ItemSort {
  readonly kind: ActionItem['kind'];
  readonly versionId?: string | undefined;
}

const itemKinds = {
  onedrive: 'oneDrive',
  folder: 'folder',
  folders: 'folder',
  document: 'document',
  documents: 'document',
} as const satisfies Record<ActionItem['kind'], ItemKind>;

/** Why and for whom something is done in a session. */
export function purposeOf(session: Reasoned, { reason, onBehalfOf }: Reasoned = {}): Required<Reasoned> {
  return { reason: reason ?? session.reason, onBehalfOf: onBehalfOf ?? session.onBehalfOf };
}

/** What was decided on, why and for whom, as records say it. */
export function decidedOn(
  place: ItemPlace,
  item: ActionItem | undefined,
  asked?: Pick<AskedOfItem, 'reason' | 'onBehalfOf' | 'operationId'>,
): DecidedThing {
  return { ...aboutSession(place), operationId: asked?.operationId, item, ...purposeOf(place, asked) };
}

/** All of a OneDrive. */
export function whole(oneDriveId: string): ActionItem {
  return { kind: 'onedrive', oneDriveId };
}
