import type { Capabilities, Item, OneDrive, OrganizationUser, ServedOrganization } from '@app/veeam-client';

import type { ItemDto, OneDriveDto, OrganizationDto, OwnedOneDriveDto } from './catalog.dto.js';

export function toOrganizationDto(
  { id, name, backupServer, firstBackupAt, lastBackupAt }: ServedOrganization,
  can: Capabilities & { readonly apiVersion: string },
): OrganizationDto {
  return {
    id,
    name,
    backupServer,
    ...(firstBackupAt === undefined ? {} : { firstBackupAt }),
    ...(lastBackupAt === undefined ? {} : { lastBackupAt }),
    capabilities: {
      apiVersion: can.apiVersion,
      restoreCredentials: can.restoreCredentials,
      copyCredentials: can.copyCredentials,
      credentialRegions: can.credentialRegions,
      restoreDocumentVersionAll: can.restoreDocumentVersionAll,
      copyDocumentVersionAll: can.copyDocumentVersionAll,
      documentCopyChoices: can.documentCopyChoices,
      versions: can.versions,
      searchOfAllOneDrives: can.searchOfAllOneDrives,
      deviceCodeCheck: can.deviceCodeCheck,
    },
  };
}

export function toOneDriveDto({ id, name }: OneDrive): OneDriveDto {
  return { id, name };
}

export function toOwnedOneDriveDto({
  oneDrive,
  owner,
}: {
  readonly oneDrive: OneDrive;
  readonly owner: OrganizationUser | undefined;
}): OwnedOneDriveDto {
  return {
    id: oneDrive.id,
    name: oneDrive.name,
    ...(owner && {
      owner: {
        ...(owner.objectId !== undefined && { id: owner.objectId }),
        email: owner.name,
        displayName: owner.displayName,
      },
    }),
  };
}

/** Within a OneDrive that the path of the request names. */
export function toItemDto(item: Item): ItemDto {
  return toDto({ ...item, oneDriveId: undefined });
}

/** With the OneDrive it was found in. */
export function toFoundItemDto(item: Item): ItemDto {
  return toDto(item);
}

function toDto({ id, kind, name, oneDriveId, parentId, sizeBytes, version, versionId, ...rest }: Item): ItemDto {
  return {
    id,
    kind,
    name,
    ...(oneDriveId !== undefined && { oneDriveId }),
    ...(parentId !== undefined && { parentId }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(version !== undefined && { version }),
    ...(versionId !== undefined && { versionId }),
    modifiedAt: rest.modifiedAt,
    modifiedBy: rest.modifiedBy,
  };
}
