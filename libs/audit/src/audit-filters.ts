import { auditRecords } from '@app/store';
import { and, eq, gte, inArray, lt, or, type SQL } from 'drizzle-orm';

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
  /** Who acted, or on whose behalf it was done. */
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
    actor && by(actor),
    operationId === undefined ? undefined : eq(auditRecords.operationId, operationId),
  );
}

function by({ issuer, subject }: NonNullable<AuditFilters['actor']>): SQL | undefined {
  const { actorIssuer, actorSubject, onBehalfOfIssuer, onBehalfOfSubject } = auditRecords;
  return or(
    and(eq(actorSubject, subject), issuer === undefined ? undefined : eq(actorIssuer, issuer)),
    and(eq(onBehalfOfSubject, subject), issuer === undefined ? undefined : eq(onBehalfOfIssuer, issuer)),
  );
}
