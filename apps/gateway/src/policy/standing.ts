import type { Principal } from '@app/identity';

import type { PolicyAction } from './policy-action.js';

/**
 * Whether a caller of this kind could ever do a thing of this kind, on whatever item: what can be said without asking
 * upstream. A no is final; a yes says nothing of the item.
 */
export function mayEver(principal: Principal, action: PolicyAction): boolean {
  switch (action) {
    case 'listOrganizations':
    case 'useRestoreSession':
    case 'readOperations':
      // Answers hold the caller's own things only.
      return true;
    case 'openRestoreSession':
    case 'browse':
    case 'restore':
    case 'save':
    case 'act':
      return isOperator(principal) || mayOwnOneDrives(principal);
    case 'copy':
    case 'send':
    case 'requestDeviceCode':
      return isOperator(principal);
  }
}

export function isOperatorOf(principal: Principal, organizationName: string): boolean {
  return principal.operatorOf.has(organizationName.toLowerCase());
}

/** Whether ownership could be proven: only persons with an immutable object id own OneDrives. */
export function mayOwnOneDrives(principal: Principal): boolean {
  return principal.kind === 'person' && principal.objectId !== undefined && principal.organizations.length > 0;
}

function isOperator(principal: Principal): boolean {
  return principal.operatorOf.size > 0;
}
