import type { PrincipalFacts } from '@app/identity';

/** Where an operation stands; the last five are final. */
export type OperationState =
  'accepted' | 'submitting' | 'following' | 'succeeded' | 'partially-succeeded' | 'failed' | 'canceled' | 'interrupted';

export type FinalOperationState = Exclude<OperationState, 'accepted' | 'submitting' | 'following'>;

export function isFinal(state: OperationState): state is FinalOperationState {
  return state !== 'accepted' && state !== 'submitting' && state !== 'following';
}

export type OperationAction = 'restore' | 'copy' | 'send' | 'save';

/** A OneDrive, or what is in it: one folder or document, or an earlier version of it, or several. */
export type OperationItem =
  | { readonly kind: 'onedrive'; readonly oneDriveId: string }
  | {
      readonly kind: 'folder' | 'document';
      readonly oneDriveId: string;
      readonly itemId: string;
      readonly versionId?: string | undefined;
    }
  | { readonly kind: 'folders' | 'documents'; readonly oneDriveId: string; readonly itemIds: readonly string[] };

export interface OperationIssue {
  readonly path?: string | undefined;
  readonly title?: string | undefined;
  readonly severity: 'warning' | 'error';
  readonly message: string;
}

export interface OperationOutcome {
  readonly total: number;
  readonly restored: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skippedByError?: number | undefined;
  readonly skippedByNoChanges?: number | undefined;
  readonly failedRestrictions?: number | undefined;
  /** Upstream's own verdict on the whole, where it gives one. */
  readonly result?: 'success' | 'warning' | 'failed' | undefined;
  readonly issues: readonly OperationIssue[];
  /** Of several items that were named: what became of each. */
  readonly items?: readonly OperationItemResult[] | undefined;
}

export interface OperationItemResult {
  readonly itemId: string;
  /** `unknown`: it is among those of which upstream gave counts only. */
  readonly state: 'succeeded' | 'failed' | 'skipped' | 'unknown';
}

/** Why an operation did not succeed: a problem code and a text fit for the caller. */
export interface OperationProblem {
  readonly code: string;
  readonly detail: string;
}

/** What was found out later of an operation whose answer was lost. Appended once; the state stays `interrupted`. */
export interface OperationReconciliation {
  /** `unknown`: upstream tells nothing that could only be of this one. */
  readonly finding: 'done' | 'not-done' | 'unknown';
  /** ISO 8601 UTC. */
  readonly at: string;
  /** Why it is believed, fit for the caller. */
  readonly detail: string;
}

export interface OperationProgress {
  readonly counts?: Pick<OperationOutcome, 'total' | 'restored' | 'failed' | 'skipped'> | undefined;
  /** Of 100, when upstream says how many items there are. */
  readonly percentage?: number | undefined;
  /** What upstream has been doing since the event before, at most a few. */
  readonly activities: readonly string[];
}

/** The progress so far, with the last activities. */
export interface LastProgress extends OperationProgress {
  /** How far upstream's own log was read. */
  readonly upstreamOrder: number;
}

/** What can be watched of an operation. */
export type OperationEventContent =
  { readonly type: 'state'; readonly state: OperationState } | ({ readonly type: 'progress' } & OperationProgress);

export interface OperationEvent {
  /** Place among the events of its operation, from 1 without gaps. */
  readonly sequence: number;
  readonly time: Date;
  readonly content: OperationEventContent;
}

export interface OperationOwner {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string | undefined;
}

export interface Operation {
  readonly id: string;
  readonly action: OperationAction;
  readonly state: OperationState;
  readonly owner: OperationOwner;
  /** Who asked, as the token proved it; gone once the operation has ended. */
  readonly principal: PrincipalFacts | undefined;
  /** Whether the item, and for a copy the target as well, was the caller's own when it was asked for. */
  readonly isOnOwnOneDrive: boolean;
  readonly organizationId: string;
  readonly organizationName: string;
  readonly backupServer: string;
  readonly restoreSessionId: string;
  readonly item: OperationItem;
  /** The request as JSON without secrets; `{}` once the operation has ended. */
  readonly request: unknown;
  readonly reason: string | undefined;
  /** For whom a service asked, by its word. */
  readonly onBehalfOf: string | undefined;
  readonly credential: string | undefined;
  /** Digest of what was asked, where a repeat of it is to be known. */
  readonly fingerprint: string | undefined;
  readonly requestId: string;
  /** As of the request that asked for it. */
  readonly traceId: string | undefined;
  readonly sourceAddress: string | undefined;
  readonly upstreamSessionId: string | undefined;
  readonly requestedAt: Date;
  readonly startedAt: Date | undefined;
  readonly endedAt: Date | undefined;
  readonly outcome: OperationOutcome | undefined;
  readonly problem: OperationProblem | undefined;
  readonly bytes: number | undefined;
  readonly sha256: string | undefined;
  /** From then on something of it may have gone upstream; undefined: certainly not. */
  readonly sentAt: Date | undefined;
  /** The API version of the backup server that it was sent by, where that is known. */
  readonly sentVersion: string | undefined;
  /** Upstream's own session that it goes on in. */
  readonly followedSessionId: string | undefined;
  readonly progress: LastProgress | undefined;
  readonly reconciliation: OperationReconciliation | undefined;
  /** Only that replica may run it. */
  readonly boundTo: string | undefined;
  /** Until when the replica that claimed it may act for it; undefined while nobody has. */
  readonly leaseUntil: Date | undefined;
  /** Of the last of its events. */
  readonly lastSequence: number;
  /** Guards every write after a claim. */
  readonly epoch: number;
}
