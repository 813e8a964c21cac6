import { problemCodes, type ProblemCode } from '@app/problems';
import { isFinal, type Operation, type OperationProgress } from '@app/store';

import type { OperationDto } from '../actions/dto/operation.dto.js';
import { toOperationItemDto } from '../actions/dto/operation-item.dto.js';
import type { ServerSentEvent } from '../http/event-stream.js';
import type { OperationProgressEventDto, OperationStateEventDto } from './operation-event.dto.js';
import type { WatchedEvent } from './operation-events.service.js';
import { noteOf } from './outcome.js';

/** Field by field, so that nothing of the record shows that was not meant to. */
export function toOperationDto(operation: Operation): OperationDto {
  const { startedAt, endedAt, progress, reconciliation, outcome, problem, bytes, sha256, reason, onBehalfOf } =
    operation;
  const note = noteOf(operation);
  return {
    id: operation.id,
    action: operation.action,
    state: operation.state,
    organizationId: operation.organizationId,
    restoreSessionId: operation.restoreSessionId,
    item: toOperationItemDto(operation.item),
    requestedAt: operation.requestedAt.toISOString(),
    ...(startedAt && { startedAt: startedAt.toISOString() }),
    ...(endedAt && { endedAt: endedAt.toISOString() }),
    ...(progress && !isFinal(operation.state) && { progress: toProgress(progress) }),
    ...(reconciliation && {
      reconciliation: { finding: reconciliation.finding, at: reconciliation.at, detail: reconciliation.detail },
    }),
    ...(outcome && {
      outcome: {
        total: outcome.total,
        restored: outcome.restored,
        failed: outcome.failed,
        skipped: outcome.skipped,
        ...(note !== undefined && { note }),
        issues: outcome.issues.map(({ path, title, severity, message }) => ({
          ...(path !== undefined && { path }),
          ...(title !== undefined && { title }),
          severity,
          message,
        })),
        ...(outcome.items && { items: outcome.items.map(({ itemId, state }) => ({ itemId, state })) }),
      },
    }),
    // Of a download that runs it may be what was announced.
    ...(bytes !== undefined && isFinal(operation.state) && { bytes }),
    ...(sha256 !== undefined && { sha256 }),
    ...(reason !== undefined && { reason }),
    ...(onBehalfOf !== undefined && { onBehalfOf }),
    ...(problem && {
      problem: { code: problem.code, title: problemCodes[problem.code as ProblemCode].title, detail: problem.detail },
    }),
  };
}

function toProgress({ counts, percentage, activities }: OperationProgress) {
  return {
    ...(counts && {
      total: counts.total,
      restored: counts.restored,
      failed: counts.failed,
      skipped: counts.skipped,
    }),
    ...(percentage !== undefined && { percentage }),
    activities: [...activities],
  };
}

/** @param operation as it was then or later: what came of it is told with its last event */
export function toServerSentEvent({ event, operation }: WatchedEvent): ServerSentEvent {
  const { sequence: id, content } = event;
  const time = event.time.toISOString();
  if (content.type === 'progress') {
    return { id, type: content.type, data: { time, ...toProgress(content) } satisfies OperationProgressEventDto };
  }
  const { state } = content;
  return {
    id,
    type: content.type,
    data: { time, state, ...(isFinal(state) && endOf(operation)) } satisfies OperationStateEventDto,
  };
}

function endOf(operation: Operation): Omit<OperationStateEventDto, 'time' | 'state'> {
  const { outcome, bytes, sha256, problem } = toOperationDto(operation);
  return {
    ...(outcome && { outcome }),
    ...(bytes !== undefined && { bytes }),
    ...(sha256 !== undefined && { sha256 }),
    ...(problem && { problem }),
  };
}

/** Where to read how an operation goes on, for `Operation-Location`. */
export function operationLocation(publicUrl: string, { id }: Operation): string {
  return `${publicUrl}/api/v1/operations/${id}`;
}
