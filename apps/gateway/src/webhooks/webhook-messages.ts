import type { NewAuditRecord } from '@app/audit';
import type { Operation } from '@app/store';
import type { OneDrive } from '@app/veeam-client';

import { toOperationItemDto } from '../actions/dto/operation-item.dto.js';
import type { PermittedAction, PermittedCopy } from '../policy/permitted-action.js';

/** The JSON of a message, exactly as it is stored, signed and sent. It names no file, no address and nothing secret. */
export type WebhookMessage = OperationEnded | OperatorActionAccepted;

/** To the application that asked for the operation. */
interface OperationEnded {
  readonly type: 'operation.ended';
  readonly time: string;
  readonly operation: ReturnType<typeof toEndedOperation>;
}

/** To whoever tells people what was done to their data. */
interface OperatorActionAccepted {
  readonly type: 'operator-action.accepted';
  readonly time: string;
  /** Who asked, and for whom, as the audit trail has them. */
  readonly actor: NewAuditRecord['actor'];
  readonly onBehalfOf: NewAuditRecord['onBehalfOf'];
  readonly oneDrive: NamedOneDrive;
  /** Of a copy: where it goes. */
  readonly target: NamedOneDrive | undefined;
  readonly operation: ReturnType<typeof toAcceptedOperation>;
}

/** The name is what the backup server calls it: no proof of whose it is. */
type NamedOneDrive = Pick<OneDrive, 'id' | 'name'>;

export function operationEnded(operation: Operation, time: Date): WebhookMessage {
  return { type: 'operation.ended', time: time.toISOString(), operation: toEndedOperation(operation) };
}

export function operatorActionAccepted(
  operation: Operation,
  { actor, onBehalfOf, reason }: Pick<NewAuditRecord, 'actor' | 'onBehalfOf' | 'reason'>,
  permitted: PermittedAction | PermittedCopy,
): WebhookMessage {
  return {
    type: 'operator-action.accepted',
    time: operation.requestedAt.toISOString(),
    actor,
    onBehalfOf,
    oneDrive: named(permitted.oneDrive),
    target: 'target' in permitted ? named(permitted.target) : undefined,
    operation: toAcceptedOperation(operation, reason),
  };
}

function toEndedOperation(operation: Operation) {
  const { outcome, problem } = operation;
  return {
    id: operation.id,
    action: operation.action,
    state: operation.state,
    organizationId: operation.organizationId,
    organizationName: operation.organizationName,
    restoreSessionId: operation.restoreSessionId,
    item: toOperationItemDto(operation.item),
    requestedAt: operation.requestedAt.toISOString(),
    startedAt: operation.startedAt?.toISOString(),
    endedAt: operation.endedAt?.toISOString(),
    // Without the issues, whose texts name files.
    outcome: outcome && {
      total: outcome.total,
      restored: outcome.restored,
      failed: outcome.failed,
      skipped: outcome.skipped,
    },
    bytes: operation.bytes,
    sha256: operation.sha256,
    problem: problem && { code: problem.code },
  };
}

function toAcceptedOperation(operation: Operation, reason: string | undefined) {
  return {
    id: operation.id,
    action: operation.action,
    organizationId: operation.organizationId,
    organizationName: operation.organizationName,
    restoreSessionId: operation.restoreSessionId,
    requestedAt: operation.requestedAt.toISOString(),
    reason,
  };
}

function named({ id, name }: OneDrive): NamedOneDrive {
  return { id, name };
}
