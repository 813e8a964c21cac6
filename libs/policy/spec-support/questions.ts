import type { Principal } from '@app/identity';

import type {
  CallerIdentity,
  OneDriveResource,
  OperationResource,
  OrganizationResource,
  PolicyAction,
  PolicyQuestion,
  RestoreSessionResource,
} from '../src/index.js';
import { CONTOSO } from './callers.js';

/** Everything a question could be about; what an action has no use for is left out of its question. */
export interface Circumstances {
  readonly principal: Principal;
  readonly ownOneDrives: readonly string[];
  readonly organization: string;
  readonly oneDriveId: string;
  readonly target: OneDriveResource;
  /** Who opened the restore session or asked for the operation; the caller, unless said otherwise. */
  readonly owner: CallerIdentity;
  readonly reason: string | undefined;
  /** True where there is a reason, unless said otherwise. */
  readonly reasonAccepted: boolean;
  readonly senderAllowed: boolean;
  readonly recipientAllowed: boolean;
}

export const ANY_TIME = new Date('2026-01-15T12:00:00Z');

/** An action, and on what where that is not the same for all of its questions. */
export type Asked = PolicyAction | 'listOrganizations of one' | 'browse organization';

export const everythingAsked: readonly Asked[] = [
  'listOrganizations',
  'listOrganizations of one',
  'openRestoreSession',
  'useRestoreSession',
  'browse',
  'browse organization',
  'restore',
  'copy',
  'send',
  'save',
  'requestDeviceCode',
  'readOperations',
  'readAuditRecords',
  'listCredentialProfiles',
  'readSendReadiness',
  'explainPolicy',
];

export function question(
  asked: Asked,
  principal: Principal,
  over: Partial<Omit<Circumstances, 'principal'>> = {},
): PolicyQuestion {
  const organization = over.organization ?? CONTOSO;
  const oneDriveId = over.oneDriveId ?? 'onedrive-of-bob';
  const owner = over.owner ?? principal;
  const asker = { principal, ownOneDrives: over.ownOneDrives ?? [] };
  const onOrganization: OrganizationResource = { type: 'Organization', name: organization };
  const onOneDrive: OneDriveResource = { type: 'OneDrive', id: oneDriveId, organization };
  const onSession: RestoreSessionResource = { type: 'RestoreSession', id: 'session', organization, owner };
  const onOperation: OperationResource = { type: 'Operation', id: 'operation', organization, owner };
  const onGateway = { type: 'Gateway' } as const;
  const plain = { time: ANY_TIME };
  const { reason } = over;
  const reasoned = { ...plain, reason, reasonAccepted: over.reasonAccepted ?? reason !== undefined };
  const onItem = { ...reasoned, itemKind: 'document' } as const;
  switch (asked) {
    case 'listOrganizations':
      return { ...asker, action: asked, resource: onGateway, context: plain };
    case 'listOrganizations of one':
      return { ...asker, action: 'listOrganizations', resource: onOrganization, context: plain };
    case 'openRestoreSession':
      return { ...asker, action: asked, resource: onOrganization, context: reasoned };
    case 'useRestoreSession':
      return { ...asker, action: asked, resource: onSession, context: plain };
    case 'browse':
      return { ...asker, action: asked, resource: onOneDrive, context: onItem };
    case 'browse organization':
      return { ...asker, action: 'browse', resource: onOrganization, context: { ...reasoned, itemKind: 'oneDrive' } };
    case 'restore':
      return { ...asker, action: asked, resource: onOneDrive, context: { ...onItem, documentAction: 'keep' } };
    case 'copy':
      return {
        ...asker,
        action: asked,
        resource: onOneDrive,
        context: {
          ...onItem,
          credentialProfile: 'contoso-user',
          documentAction: 'merge',
          target: over.target ?? { type: 'OneDrive', id: 'target', organization },
          restorePermissions: false,
        },
      };
    case 'send':
      return {
        ...asker,
        action: asked,
        resource: onOneDrive,
        context: {
          ...onItem,
          senderAllowed: over.senderAllowed ?? true,
          recipientAllowed: over.recipientAllowed ?? true,
        },
      };
    case 'save':
      return { ...asker, action: asked, resource: onOneDrive, context: onItem };
    case 'requestDeviceCode':
      return { ...asker, action: asked, resource: onSession, context: reasoned };
    case 'readOperations':
      return { ...asker, action: asked, resource: onOperation, context: plain };
    case 'readAuditRecords':
    case 'listCredentialProfiles':
      return { ...asker, action: asked, resource: onOrganization, context: plain };
    case 'readSendReadiness':
    case 'explainPolicy':
      return { ...asker, action: asked, resource: onGateway, context: plain };
  }
}
