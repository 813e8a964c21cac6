import { randomUUID } from 'node:crypto';

import { factsOf, type Principal } from '@app/identity';
import { currentRequestContext } from '@app/logging';
import type { Idempotency, NewOperation } from '@app/store';
import type { OneDrive } from '@app/veeam-client';

import { ownerOf } from '../operations/operations.service.js';
import type { StoredRequest } from '../operations/stored-request.js';
import { purposeOf } from '../policy/item-question.js';
import { isAllOwn, type PermittedAction, type PermittedCopy } from '../policy/permitted-action.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import type { CopyRequest, Reasoned } from './action-request.js';

interface HowItRuns {
  readonly stored: StoredRequest;
  readonly credential?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
  /** The only replica that may run it; any when undefined. */
  readonly boundTo: string | undefined;
  readonly requestedAt: Date;
}

/** An action that the policy permits, as it is put on record; it is of the request at hand. */
export function newOperation(
  principal: Principal,
  session: RestoreSession,
  permitted: PermittedAction | PermittedCopy,
  asked: Reasoned,
  { stored, credential, idempotency, boundTo, requestedAt }: HowItRuns,
): NewOperation {
  const context = currentRequestContext();
  return {
    id: randomUUID(),
    action: stored.action,
    owner: ownerOf(principal),
    principal: factsOf(principal),
    isOnOwnOneDrive: isAllOwn(permitted),
    backupServer: session.backupServer,
    organizationId: session.organizationId,
    organizationName: session.organizationName,
    restoreSessionId: session.id,
    item: permitted.item,
    request: stored,
    // What is done without a purpose of its own is done for that of the session.
    ...purposeOf(session, asked),
    credential,
    idempotency,
    requestId: context?.requestId ?? '',
    traceId: context?.traceId,
    sourceAddress: context?.sourceAddress,
    upstreamSessionId: session.upstreamSessionId,
    requestedAt,
    boundTo,
  };
}

/** Field by field, so that no secret of a request gets into the store. */
export function toStoredCopy(request: CopyRequest, target: OneDrive): StoredRequest {
  return {
    action: 'copy',
    target,
    folder: request.folder,
    documentVersion: request.documentVersion,
    documentLastVersionAction: request.documentLastVersionAction,
    changedItems: request.changedItems,
    deletedItems: request.deletedItems,
    restorePermissions: request.restorePermissions,
    sendSharedLinksNotification: request.sendSharedLinksNotification,
  };
}
