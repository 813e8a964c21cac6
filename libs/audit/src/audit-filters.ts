import { auditRecords } from '@app/store';
import { and, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';

import type { AuditAction, AuditDecision } from './audit-record.js';

export interface AuditFilters {
  /** Tenant names, lower-cased: records of no other organization, nor of none. */
  readonly organizations?: readonly string[] | undefined;
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  readonly action?: AuditAction | undefined;
  readonly decision?: AuditDecision | undefined;
  readonly actor?: { readonly issuer?: string | undefined; readonly subject: string } | undefined;
  readonly operationId?: string | undefined;
}

export function conditionOf(filters: AuditFilters): SQL | undefined {
  const { organizations, from, to, action, decision, actor, operationId } = filters;
  return and(
    // An empty list is no organization, not any.
    organizations && inArray(auditRecords.organization, [...organizations]),
    from && gte(auditRecords.time, from),
    to && lt(auditRecords.time, to),
    action && eq(auditRecords.action, action),
    decision && eq(auditRecords.decision, decision),
    actor?.issuer === undefined ? undefined : eq(auditRecords.actorIssuer, actor.issuer),
    actor && eq(auditRecords.actorSubject, actor.subject),
    operationId === undefined ? undefined : eq(auditRecords.operationId, operationId),
  );
}
