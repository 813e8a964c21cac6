import type { OperationItem } from '@app/store';

/** What a policy decision can be about: the actions of the policy, by its own names. */
export const decidedActions = [
  'listOrganizations',
  'openRestoreSession',
  'useRestoreSession',
  'browse',
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
] as const;

/** What happened, beside decisions. */
export const auditedEvents = [
  'operation.started',
  'operation.ended',
  'operation.reconciled',
  'restore-session.opened',
  'restore-session.reopened',
  'restore-session.stopped',
  'restore-session.ended',
  'credential-profile.used',
  'device-code.issued',
  'policy.reloaded',
  'configuration.reloaded',
  'credential.reloaded',
  'audit.sealed',
  'service.started',
  'service.stopped',
] as const;

export const auditActions = [...decidedActions, ...auditedEvents] as const;

export type AuditAction = (typeof auditActions)[number];
export type AuditDecision = 'allow' | 'deny';

export interface AuditActor {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId?: string | undefined;
  /** As the token says, for people who read the trail; never what anything is decided by. */
  readonly name?: string | undefined;
}

/** For whom it was done. */
export interface AuditBeneficiary extends Partial<AuditActor> {
  /** What a service says; `issuer` and `subject`, when they are there, were proven by the token (RFC 8693). */
  readonly unprovenName?: string | undefined;
}

/** What a caller of the writer says; never a secret, a token or the text of a mail. */
export interface NewAuditRecord {
  readonly action: AuditAction;
  /** Of a decided action. */
  readonly decision?: AuditDecision | undefined;
  /** How it ended, such as the final state of an operation. */
  readonly outcome?: string | undefined;
  /** Who acted; absent where the service did it by itself. */
  readonly actor?: AuditActor | undefined;
  readonly onBehalfOf?: AuditBeneficiary | undefined;
  /** Tenant name, lower-cased; absent for what concerns no organization. */
  readonly organization?: string | undefined;
  readonly restoreSessionId?: string | undefined;
  readonly operationId?: string | undefined;
  readonly item?: OperationItem | undefined;
  readonly sourceAddress?: string | undefined;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
  /** The server of `upstreamSessionId`, by its name in the configuration. */
  readonly backupServer?: string | undefined;
  readonly upstreamSessionId?: string | undefined;
  /** What the caller gave as reason. */
  readonly reason?: string | undefined;
  /** Ids of the policies that decided. */
  readonly policies?: readonly string[] | undefined;
  /** Of items, by what became of them. */
  readonly counts?: Readonly<Record<string, number>> | undefined;
  readonly bytes?: number | undefined;
  /** Of what was delivered, in hexadecimal. */
  readonly sha256?: string | undefined;
  readonly detail?: AuditDetail | undefined;
}

export interface AuditDetail {
  readonly [name: string]: AuditDetailValue | undefined;
}
type AuditDetailValue = string | number | boolean | null | readonly AuditDetailValue[] | AuditDetail;

/** One line of the tamper-evident trail. */
export interface AuditRecord extends NewAuditRecord {
  readonly id: string;
  /** When the writer was told, ISO 8601 in UTC with milliseconds. */
  readonly time: string;
  /** The process that wrote it. */
  readonly writer: string;
  /** Place in the chain of its writer, from 1. */
  readonly seq: number;
}
