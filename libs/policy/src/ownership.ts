import type { Principal } from '@app/identity';

/** Whether ownership could be proven: only persons own OneDrives, by an immutable object id or, where that was opted for, an address. */
export function mayOwnOneDrives({ kind, objectId, ownershipEmail, organizations }: Principal): boolean {
  return kind === 'person' && (objectId ?? ownershipEmail) !== undefined && organizations.length > 0;
}
