import type { Principal } from '@app/identity';

/**
 * One question to the policy: may this caller do this to this one thing, under these circumstances? Its words are those
 * of `config/gateway.cedarschema`.
 */
export type PolicyQuestion = Asker &
  (
    | Asking<'listOrganizations', GatewayResource | OrganizationResource, Plain>
    | Asking<'openRestoreSession', OrganizationResource, Reasoned>
    | Asking<'useRestoreSession', RestoreSessionResource, Plain>
    | Asking<'browse', OrganizationResource | OneDriveResource, OnItem>
    | Asking<'restore', OneDriveResource, Restoring>
    | Asking<'copy', OneDriveResource, Copying>
    | Asking<'send', OneDriveResource, Sending>
    | Asking<'save', OneDriveResource, OnItem>
    | Asking<'requestDeviceCode', RestoreSessionResource, Reasoned>
    | Asking<'readOperations', OperationResource, Plain>
    | Asking<'readAuditRecords' | 'listCredentialProfiles', OrganizationResource, Plain>
    | Asking<'readSendReadiness' | 'explainPolicy', GatewayResource, Plain>
  );

export type PolicyAction = PolicyQuestion['action'];

interface Asker {
  readonly principal: Principal;
  /**
   * Ids of the OneDrives proven to be the caller's own, in the organization that the question is about and nowhere
   * else. They count for nobody who cannot own any (see `mayOwnOneDrives`).
   */
  readonly ownOneDrives: readonly string[];
}

interface Asking<A, R, C> {
  readonly action: A;
  readonly resource: R;
  readonly context: C;
}

/** What belongs to no organization. */
export interface GatewayResource {
  readonly type: 'Gateway';
}

export interface OrganizationResource {
  readonly type: 'Organization';
  /** Tenant domain, in whatever case. */
  readonly name: string;
}

export interface OneDriveResource {
  readonly type: 'OneDrive';
  /** As upstream spells it. */
  readonly id: string;
  readonly organization: string;
}

export interface RestoreSessionResource {
  readonly type: 'RestoreSession';
  readonly id: string;
  readonly organization: string;
  readonly owner: CallerIdentity;
}

export interface OperationResource {
  readonly type: 'Operation';
  readonly id: string;
  readonly organization: string;
  readonly owner: CallerIdentity;
}

export type PolicyResource = PolicyQuestion['resource'];
export type CallerIdentity = Pick<Principal, 'issuer' | 'subject'>;

export type ItemKind = 'oneDrive' | 'folder' | 'document' | 'version';

interface Plain {
  readonly time: Date;
}

interface Reasoned extends Plain {
  readonly reason?: string | undefined;
  /** There is a reason, and it is as the configuration wants reasons to be. */
  readonly reasonAccepted: boolean;
  /** For whom a service asks, by its word. */
  readonly onBehalfOf?: string | undefined;
}

interface OnItem extends Reasoned {
  readonly itemKind: ItemKind;
}

interface Restoring extends OnItem {
  /** Absent when the caller brings a device code. */
  readonly credentialProfile?: string | undefined;
  readonly documentAction: 'keep' | 'overwrite';
}

interface Copying extends OnItem {
  readonly credentialProfile?: string | undefined;
  readonly documentAction: 'merge' | 'overwrite';
  readonly target: OneDriveResource;
  readonly restorePermissions: boolean;
}

interface Sending extends OnItem {
  readonly senderAllowed: boolean;
  readonly recipientAllowed: boolean;
}
