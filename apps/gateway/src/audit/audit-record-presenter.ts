import type { AuditActor, AuditBeneficiary, AuditFilters, AuditPosition, AuditRecord } from '@app/audit';

import { toOperationItemDto } from '../actions/dto/operation-item.dto.js';
import type { PositionFormat } from '../http/cursor.js';
import { toInstant } from '../http/instant.js';
import type { AuditActorDto, AuditBeneficiaryDto, AuditRecordDto, AuditRecordFilters } from './audit-records.dto.js';

/** Member by member: what is stored may hold more one day. */
export function toAuditRecordDto(record: AuditRecord): AuditRecordDto {
  const { actor, onBehalfOf, item } = record;
  return {
    id: record.id,
    time: record.time,
    action: record.action,
    decision: record.decision,
    policies: record.policies,
    outcome: record.outcome,
    actor: actor && toActor(actor),
    onBehalfOf: onBehalfOf && toBeneficiary(onBehalfOf),
    organization: record.organization,
    restoreSessionId: record.restoreSessionId,
    operationId: record.operationId,
    item: item && toOperationItemDto(item),
    sourceAddress: record.sourceAddress,
    requestId: record.requestId,
    traceId: record.traceId,
    backupServer: record.backupServer,
    upstreamSessionId: record.upstreamSessionId,
    reason: record.reason,
    counts: record.counts,
    bytes: record.bytes,
    sha256: record.sha256,
    detail: record.detail,
    writer: record.writer,
    seq: record.seq,
  };
}

function toActor({ issuer, subject, clientId, name }: AuditActor): AuditActorDto {
  return { issuer, subject, clientId, name };
}

function toBeneficiary({ issuer, subject, clientId, name, unprovenName }: AuditBeneficiary): AuditBeneficiaryDto {
  return { issuer, subject, clientId, name, unprovenName };
}

/** What a caller asks to see, apart from whose records. */
export function toAuditFilters({
  from,
  to,
  action,
  decision,
  actor,
  issuer,
  operationId,
}: AuditRecordFilters): Omit<AuditFilters, 'scope'> {
  return {
    from: from === undefined ? undefined : toInstant(from),
    to: to === undefined ? undefined : toInstant(to),
    action,
    decision,
    actor: actor === undefined ? undefined : { subject: actor, issuer },
    operationId,
  };
}

const position = /^(\d{1,15})~([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})~(\d{1,15})$/;

/** The last record of a page, in a cursor. */
export const auditPositions: PositionFormat<AuditPosition> = {
  write: ({ time, writer, seq }) => `${Date.parse(time)}~${writer}~${seq}`,
  read: (text) => {
    const [, time, writer, seq] = position.exec(text) ?? [];
    return writer === undefined ? undefined : { time: new Date(Number(time)).toISOString(), writer, seq: Number(seq) };
  },
};
