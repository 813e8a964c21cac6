import type { PolicyDecision } from '@app/policy';
import type { ActionItem, OneDrive } from '@app/veeam-client';

import type { FoundItem } from './item-lookup.service.js';

/** What the policy permits to do with an item, and by which policies. */
export interface PermittedAction extends FoundItem, Pick<PolicyDecision, 'policies'> {
  readonly item: ActionItem;
  /** Whether its OneDrive is proven to be the caller's own. */
  readonly isOwn: boolean;
}

export interface PermittedCopy extends PermittedAction {
  /** A OneDrive of the session's own organization. */
  readonly target: OneDrive;
  /** Whether the target is proven to be the caller's own. */
  readonly isTargetOwn: boolean;
}

/** Whether it touches nobody else's OneDrive: neither takes from one nor writes into one. */
export function isAllOwn(permitted: PermittedAction | PermittedCopy): boolean {
  return permitted.isOwn && (!('target' in permitted) || permitted.isTargetOwn);
}
