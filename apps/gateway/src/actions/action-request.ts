import type { Secret } from '@app/secrets';
import type { ActionItem, CopyOptions, MailOptions, RestoreOptions } from '@app/veeam-client';

/** What a caller asks for, the same from every surface; every default is explicit by now. */
export type ActionRequest = RestoreRequest | CopyRequest | SendRequest | SaveRequest;
export type Action = ActionRequest['action'];
/** What does not run in its own request, as a download does. */
export type QueuedRequest = Exclude<ActionRequest, SaveRequest>;

/** Where an action happens: on what in which restore session, both as the caller named them. */
export interface ActionTarget {
  readonly sid: string;
  readonly item: ActionItem;
}

export interface Reasoned {
  /** Why, in the caller's words; kept with the operation. */
  readonly reason?: string | undefined;
  /** For whom a service asks, by its word; kept with the operation. */
  readonly onBehalfOf?: string | undefined;
}

/** The credential profile named here, or the device code, or else the organization's profile. */
interface WithCredentials {
  readonly credentialProfile?: string | undefined;
  readonly userCode?: Secret | undefined;
}

export interface RestoreRequest extends RestoreOptions, WithCredentials, Reasoned {
  readonly action: 'restore';
}

export interface CopyRequest extends Omit<CopyOptions, 'target'>, WithCredentials, Reasoned {
  readonly action: 'copy';
  readonly target: CopyTarget;
}

export type CopyTarget = { readonly oneDriveId: string } | { readonly user: string };

export interface SendRequest extends Omit<MailOptions, 'from'>, Reasoned {
  readonly action: 'send';
  /** Default: the caller's own verified address, else the first configured sender. */
  readonly from?: string | undefined;
}

export interface SaveRequest extends Reasoned {
  readonly action: 'save';
  /** Default true. A OneDrive or folder is always a ZIP. */
  readonly asZip: boolean;
}
