import type { Principal } from '@app/identity';

/** Whether ownership could be proven: only persons with an immutable object id own OneDrives. */
export function mayOwnOneDrives(principal: Principal): boolean {
  return principal.kind === 'person' && principal.objectId !== undefined && principal.organizations.length > 0;
}
