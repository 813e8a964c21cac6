import type { NewAuditRecord } from '@app/audit';
import { DEVICE_CODE } from '@app/config';
import type { Principal } from '@app/identity';
import { currentRequestContext } from '@app/logging';
import type {
  ClaimedUpstreamSession,
  NewOperation,
  NewRestoreSession,
  Operation,
  OperationOutcome,
  StoredRestoreSession,
} from '@app/store';

import { partiesOf } from './parties.js';

/** What a decision was about, as far as it was about something. */
export interface DecidedThing extends Pick<
  NewAuditRecord,
  | 'organization'
  | 'restoreSessionId'
  | 'operationId'
  | 'item'
  | 'reason'
  | 'backupServer'
  | 'upstreamSessionId'
  | 'detail'
> {
  /** For whom a service says that it asks. */
  readonly onBehalfOf?: string | undefined;
}

/** An operation, by whose decision. */
export function accepted(
  principal: Principal,
  operation: NewOperation,
  session: StoredRestoreSession,
  policies: readonly string[],
): NewAuditRecord {
  return {
    action: operation.action,
    decision: 'allow',
    policies,
    ...about(operation),
    ...asked(principal, operation),
    ...aboutSession(session),
  };
}

/** An operation that is about to be sent, and what it is sent with. */
export function started(operation: NewOperation | Operation): NewAuditRecord[] {
  const { action, credential } = operation;
  const record: NewAuditRecord = {
    action: 'operation.started',
    ...about(operation),
    detail: { action, ...(credential !== undefined && { credential }) },
  };
  return credential === undefined || credential === DEVICE_CODE
    ? [record]
    : [record, { ...record, action: 'credential-profile.used', detail: { action, credentialProfile: credential } }];
}

/**
 * Who asked for an operation, how, and what it is about. What runs later may run in the wake of somebody else's request: only
 * the operation knows its own.
 */
export function about(operation: NewOperation | Operation): Omit<NewAuditRecord, 'action'> {
  const { requestId, traceId, sourceAddress, upstreamSessionId, restoreSessionId, item, reason } = operation;
  return {
    ...partiesOf(operation.principal ?? operation.owner, operation.onBehalfOf),
    requestId,
    traceId,
    sourceAddress,
    organization: operation.organizationName,
    restoreSessionId,
    backupServer: operation.backupServer,
    upstreamSessionId,
    operationId: operation.id,
    item,
    reason,
  };
}

type Asked = Pick<NewAuditRecord, 'actor' | 'onBehalfOf' | 'requestId' | 'traceId' | 'sourceAddress'>;

/** Who asked, for whom, and in which request. */
export function asked(principal: Principal, { onBehalfOf }: Pick<DecidedThing, 'onBehalfOf'>): Asked {
  const context = currentRequestContext();
  return {
    ...partiesOf(principal, onBehalfOf),
    requestId: context?.requestId,
    traceId: context?.traceId,
    sourceAddress: context?.sourceAddress,
  };
}

/** What upstream says of a session that it was told to stop. */
export function endOf(session: ClaimedUpstreamSession, outcome: 'proven' | 'not-proven'): NewAuditRecord {
  const { backupServer, id: upstreamSessionId, restoreSessionId, organizationName: organization, attempts } = session;
  return {
    action: 'restore-session.ended',
    outcome,
    organization,
    restoreSessionId,
    backupServer,
    upstreamSessionId,
    detail: { attempts },
  };
}

/** The session that something is about, as records name it. One that is not opened yet has no ids. */
export function aboutSession({
  id: restoreSessionId,
  organizationName: organization,
  backupServer,
  upstreamSessionId,
}: Pick<NewRestoreSession, 'organizationName' | 'backupServer'> &
  Partial<Pick<NewRestoreSession, 'id' | 'upstreamSessionId'>>): Pick<
  NewAuditRecord,
  'organization' | 'restoreSessionId' | 'backupServer' | 'upstreamSessionId'
> {
  return { organization, restoreSessionId, backupServer, upstreamSessionId };
}

/** Without the issues, whose texts name files. */
export function countsOf(outcome: OperationOutcome): Record<string, number> {
  return Object.fromEntries(Object.entries(outcome).filter(([, count]) => typeof count === 'number'));
}
