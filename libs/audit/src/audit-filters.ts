import { auditRecords } from '@app/store';
import { and, eq, gte, inArray, isNull, lt, or, type SQL } from 'drizzle-orm';

import type { AuditAction, AuditDecision } from './audit-record.js';

/** Whose records. */
export interface AuditScope {
  /** Tenant names, lower-cased. */
  readonly organizations: readonly string[];
  /** Those of no organization as well, such as the start of the service. */
  readonly includesNone: boolean;
}

export interface AuditFilters {
  /** Records of all organizations and of none when absent. */
  readonly scope?: AuditScope | undefined;
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
  const { scope, from, to, action, decision, actor, operationId } = filters;
  return and(
    scope && inScope(scope),
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

function inScope({ organizations, includesNone }: AuditScope): SQL | undefined {
  // An empty list is no organization, not any.
  const named = inArray(auditRecords.organization, [...organizations]);
  return includesNone ? or(named, isNull(auditRecords.organization)) : named;
}
