import type { ApiVersion, OfficeRegion } from '@app/config';
import type { Secret } from '@app/secrets';
import type { Readable } from 'node:stream';

/*
 * What the rest of the gateway sees of VB365, in the words of docs/architecture.md. Wire types, links, tokens and paging stay
 * behind the client. Ids are opaque strings of upstream.
 */

export interface Organization {
  readonly id: string;
  /** Tenant domain such as `contoso.onmicrosoft.com`. */
  readonly name: string;
  /** ISO 8601 UTC; absent when nothing was backed up yet. */
  readonly firstBackupAt: string | undefined;
  readonly lastBackupAt: string | undefined;
}

export interface OrganizationUser {
  /** Empty where upstream tells none, in a list of all users only. */
  readonly id: string;
  /** The login, an e-mail address; empty where upstream tells none. */
  readonly name: string;
  readonly displayName: string;
  /**
   * The directory's immutable object id of the person, lower-cased: v8 `msid`; before v8 the first GUID of the user id, which is our
   * reading of the id's shape and undefined when it is all zeros.
   */
  readonly objectId: string | undefined;
}

export interface OneDrive {
  readonly id: string;
  /** Empty where upstream tells none, as is the URL. */
  readonly name: string;
  readonly url: string;
}

export interface UpstreamRestoreSession {
  readonly id: string;
  readonly state: 'running' | 'stopped';
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  readonly endedAt: string | undefined;
  readonly organizationName: string | undefined;
  /** What upstream calls it, once it has stopped. */
  readonly result: RestoreResult | undefined;
}

/** Upstream's own word on how a restore session ended. */
export type RestoreResult = 'success' | 'warning' | 'failed';

/** One page of a collection that has no reliable total. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins, which may turn out to be empty; undefined after the last. */
  readonly nextOffset: number | undefined;
}

/** A folder or document of a OneDrive; with a `versionId`, as it was in an earlier version. */
export interface ItemRef {
  readonly kind: 'folder' | 'document';
  readonly oneDriveId: string;
  readonly itemId: string;
  readonly versionId?: string | undefined;
}

/** Several folders or several documents of one OneDrive. */
export interface ItemRefs {
  readonly kind: 'folders' | 'documents';
  readonly oneDriveId: string;
  readonly itemIds: readonly string[];
}

/** What an action is done to. */
export type ActionItem = { readonly kind: 'onedrive'; readonly oneDriveId: string } | ItemRef | ItemRefs;

/** A folder or document, or an earlier version of one, as the backup has it. */
export interface Item {
  readonly id: string;
  readonly kind: 'folder' | 'document';
  /** By upstream's word; undefined where it says nothing of it. */
  readonly oneDriveId: string | undefined;
  /** The folder it lies in; undefined at the root, and where upstream says nothing of it. */
  readonly parentId: string | undefined;
  readonly name: string;
  /** Of documents; may pass 2^32. */
  readonly sizeBytes: number | undefined;
  /** Such as `3.0`. */
  readonly version: string | undefined;
  /** What that version is addressed by, where versions can be. */
  readonly versionId: string | undefined;
  /** ISO 8601 UTC. */
  readonly modifiedAt: string;
  readonly modifiedBy: string;
}

/** As far as it matters for what a version can take. */
export interface CredentialsKind {
  readonly kind: RestoreCredentials['kind'];
  readonly region?: OfficeRegion | undefined;
}

/** How upstream is to log in at Microsoft 365 for a restore or copy. */
export type RestoreCredentials =
  | {
      readonly kind: 'user';
      readonly region?: OfficeRegion | undefined;
      readonly userName: string;
      readonly password: Secret;
    }
  | {
      readonly kind: 'application';
      readonly region?: OfficeRegion | undefined;
      readonly applicationId: string;
      /** Base64 of the PFX on one line. */
      readonly certificate: Secret;
      readonly certificatePassword: Secret;
    }
  | { readonly kind: 'device-code'; readonly userCode: Secret };

export interface RestoreOptions {
  readonly documentVersion: 'last' | 'all';
  readonly documentAction: 'keep' | 'overwrite';
}

export interface CopyOptions {
  /** The target in production. */
  readonly target: OneDrive;
  readonly folder: string | undefined;
  readonly documentVersion: 'last' | 'all';
  readonly documentLastVersionAction: 'merge' | 'overwrite';
  readonly changedItems: boolean;
  readonly deletedItems: boolean;
  readonly restorePermissions: boolean;
  readonly sendSharedLinksNotification: boolean;
}

export interface MailOptions {
  readonly from: string;
  /** Exactly one mailbox. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Counts of a restore or copy, the same for every version. */
export interface Outcome {
  readonly total: number;
  readonly restored: number;
  readonly failed: number;
  readonly skipped: number;
  /** Of `skipped`, where upstream tells them apart (v5 to v7). */
  readonly skippedByError: number | undefined;
  readonly skippedByNoChanges: number | undefined;
  readonly failedRestrictions: number | undefined;
  /**
   * Upstream's own verdict on the whole (v8): a restore that `failed` as a whole may have counted no failed item, so counts alone do
   * not tell success.
   */
  readonly result: RestoreResult | undefined;
  readonly issues: readonly OutcomeIssue[];
  /** What upstream said of single items by their id: of all (v8), or of those that failed. */
  readonly results: readonly ItemResult[];
}

export interface ItemResult {
  readonly itemId: string;
  readonly state: 'succeeded' | 'failed' | 'skipped';
}

export interface OutcomeIssue {
  readonly path: string | undefined;
  readonly title: string | undefined;
  readonly severity: 'warning' | 'error';
  readonly message: string;
}

/** How an action that upstream accepted goes on. */
export type ActionResult =
  /** Upstream answered at the end (v5 to v7, and `send` everywhere). `outcome` is undefined when it gave no counts. */
  | { readonly kind: 'finished'; readonly outcome: Outcome | undefined }
  /** Upstream goes on by itself; follow this session (v8). */
  | { readonly kind: 'following'; readonly upstreamSessionId: string };

/** One look at a restore or copy that goes on by itself. */
export type FollowedRestore =
  | { readonly state: 'running'; readonly progress: RestoreProgress }
  /** `outcome` is undefined when upstream calls it a success and gave no counts. */
  | { readonly state: 'stopped'; readonly progress: RestoreProgress; readonly outcome: Outcome | undefined }
  /** Upstream no longer knows the session: nobody can tell how it ended. */
  | { readonly state: 'unknown' };

export interface RestoreProgress {
  /** How far it is; undefined when upstream does not say now. `total` may grow meanwhile. */
  readonly counts: RestoreCounts | undefined;
  /** The events asked for, by `order`. */
  readonly events: readonly RestoreEvent[];
}

export type RestoreCounts = Pick<Outcome, 'total' | 'restored' | 'failed' | 'skipped'>;

/** A line of upstream's own log of a restore session. */
export interface RestoreEvent {
  /** Counts from 0 within the session. */
  readonly order: number;
  readonly kind: 'restore' | 'save' | 'send' | 'other';
  readonly state: 'running' | 'succeeded' | 'warning' | 'failed' | 'canceled' | 'skipped' | 'unknown';
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly itemName: string | undefined;
  /** Upstream's words. */
  readonly message: string;
}

/** Of a line, what can be told of any number of them: without words of upstream. */
export type LoggedLine = Pick<RestoreEvent, 'order' | 'kind' | 'state' | 'startedAt'>;

/** A download whose status and headers were already looked at: 200, not encoded, octet-stream. */
export interface SaveStream {
  /** Bytes to come, when upstream said so. */
  readonly contentLength: number | undefined;
  /** Ends only when the body is whole by HTTP's own rules; destroyed with an `UpstreamBrokenError` or `UpstreamTimeoutError` otherwise. */
  readonly body: Readable;
}

export interface DeviceCode {
  readonly userCode: Secret;
  readonly verificationUrl: string;
  readonly expiresInSeconds: number;
  readonly message: string;
}

/** Whose settings they are: mail settings belong to an explorer, and to the whole server. */
export type EmailExplorer = 'onedrive' | 'sharepoint';

export interface EmailSettings {
  readonly isEnabled: boolean;
  readonly server: string | undefined;
  /** Whether the mail server wants a login, and whose. */
  readonly needsLogin: boolean;
  readonly userName: string | undefined;
  /** Somebody's consent, where mail goes out by Google or Microsoft 365 rather than by a mail server. */
  readonly consent: 'not-needed' | 'given' | 'missing';
}

/** Mail by a mail server of the company's own. */
export interface NewEmailSettings {
  readonly server: string;
  readonly port: number;
  /** Of notifications; each mail that is sent for somebody names its own sender. */
  readonly from: string;
  /** STARTTLS, or TLS from the start on port 465. */
  readonly usesTls: boolean;
  readonly login: { readonly userName: string; readonly password: Secret } | undefined;
}

export interface MissingEmailSetting {
  readonly explorer: EmailExplorer;
  readonly setting: 'isEnabled' | 'server' | 'userName' | 'consent';
  readonly message: string;
}

export interface EmailReadiness {
  readonly isReady: boolean;
  /** Of the settings that are looked at first; empty when mail can be sent. */
  readonly missing: readonly MissingEmailSetting[];
}

export interface UpstreamHealth {
  readonly apiVersion: ApiVersion;
  /** With `auto` only: newer versions that are served and known here too, and are used once configured. */
  readonly newerVersions: readonly ApiVersion[];
}
