import type { Principal } from '@app/identity';
import { Metrics } from '@app/logging';
import { DomainError, IdempotencyKeyReusedError, type ProblemCode } from '@app/problems';
import { type Idempotency, isFinal, type Operation, OperationsRepository, UniqueViolation } from '@app/store';
import { Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { KeyedHashes } from '../infrastructure/keyed-hashes.js';
import { ownerOf } from '../operations/operations.service.js';
import { ItemAuthorization } from '../policy/item-authorization.service.js';
import { type AskedCopy, type AskedOfItem, decidedOn, type ItemPlace } from '../policy/item-question.js';
import { RestoreSessionsService } from '../restore-sessions/restore-sessions.service.js';
import type { ActionRequest, ActionTarget } from './action-request.js';
import { requestFingerprint } from './request-fingerprint.js';

/** What makes a request a repeat: the name that its caller gave it, or that the same one is under way. */
export type RepeatBy = { readonly idempotencyKey: string } | 'same-request';

export function repeatBy(key: string | undefined): RepeatBy | undefined {
  return key === undefined ? undefined : { idempotencyKey: key };
}

/** On what a request is to be done: named by it, or by what it says instead. */
export type RequestedTarget = ActionTarget | { readonly toBeFound: Readonly<Record<string, unknown>> };

/** What may refuse a repeat only because the first one got in before it. */
const consequences: ReadonlySet<ProblemCode> = new Set([
  'device-code-unknown',
  'operation-conflict',
  'rate-limited',
  'session-stopped',
]);

/** Requests that come again, for which nothing is done again: they are answered with the operation that the first one began. */
@Injectable()
export class RepeatedRequests {
  /** By what a request is known: the last in line of those that are being looked up or begun in this process. */
  private readonly underWay = new Map<string, Promise<unknown>>();

  constructor(
    private readonly operations: OperationsRepository,
    private readonly sessions: RestoreSessionsService,
    private readonly authorization: ItemAuthorization,
    private readonly trail: AuditTrail,
    private readonly metrics: Metrics,
    private readonly keyedHashes: KeyedHashes,
  ) {}

  /**
   * Begins what a request asks for, unless it repeats one that did; then it is decided on all the same, and nothing is begun.
   * @param ask what the policy is asked
   * @param begin decides, and records the operation with what repeats are known by
   * @throws IdempotencyKeyReusedError when the key was used for something else
   */
  async once(
    principal: Principal,
    target: RequestedTarget,
    request: ActionRequest,
    repeatBy: RepeatBy | undefined,
    {
      ask,
      begin,
    }: {
      ask: (place: ItemPlace) => AskedOfItem | AskedCopy;
      begin: (idempotency: Idempotency | undefined) => Promise<Operation>;
    },
  ): Promise<Operation> {
    if (repeatBy === undefined) {
      return begin(undefined);
    }
    const path = 'sid' in target ? { sid: target.sid.toLowerCase(), item: target.item } : target.toBeFound;
    const fingerprint = requestFingerprint(path, request, await this.keyedHashes.of('fingerprints'));
    const known = JSON.stringify([ownerOf(principal), repeatBy === 'same-request' ? fingerprint : repeatBy]);
    const { idempotency, began, isRepeat } = await this.inLine(known, () =>
      this.foundOrBegun(principal, fingerprint, repeatBy, begin),
    );
    return isRepeat ? this.repeat(principal, target, request, ask, { idempotency, began }) : began;
  }

  /** Of those that come at once only the first begins anything, such as a restore session; the others find what it began. */
  private async inLine<T>(known: string, work: () => Promise<T>): Promise<T> {
    const before = this.underWay.get(known) ?? Promise.resolve();
    const mine = before.then(work);
    const over = mine.catch(() => undefined);
    this.underWay.set(known, over);
    try {
      return await mine;
    } finally {
      if (this.underWay.get(known) === over) this.underWay.delete(known);
    }
  }

  private async foundOrBegun(
    principal: Principal,
    fingerprint: string,
    repeatBy: RepeatBy,
    begin: (idempotency: Idempotency | undefined) => Promise<Operation>,
  ): Promise<{ idempotency: Idempotency; began: Operation; isRepeat: boolean }> {
    const { idempotency, first } = await this.look(principal, fingerprint, repeatBy);
    if (first !== undefined) return { idempotency, began: first, isRepeat: true };
    try {
      return { idempotency, began: await begin(idempotency), isRepeat: false };
    } catch (error) {
      if (!mayBeConsequence(error)) throw error;
      // On another replica the first one may have got in while this one was being decided on.
      const began = await this.find(principal, idempotency);
      if (began === undefined) throw error;
      return { idempotency, began, isRepeat: true };
    }
  }

  /** By what a repeat of the request will be known, and the operation if it is one itself. */
  private async look(
    principal: Principal,
    fingerprint: string,
    repeatBy: RepeatBy,
  ): Promise<{ idempotency: Idempotency; first: Operation | undefined }> {
    if (repeatBy !== 'same-request') {
      const idempotency = { key: repeatBy.idempotencyKey, fingerprint };
      return { idempotency, first: await this.find(principal, idempotency) };
    }
    const newest = await this.operations.findSameRequest(ownerOf(principal), fingerprint);
    const isOver = newest !== undefined && isFinal(newest.state);
    return { idempotency: { fingerprint, after: isOver ? newest.id : undefined }, first: isOver ? undefined : newest };
  }

  private async find(principal: Principal, idempotency: Idempotency): Promise<Operation | undefined> {
    const owner = ownerOf(principal);
    if (idempotency.key !== undefined) {
      return this.operations.findByIdempotencyKey(owner, idempotency.key);
    }
    const newest = await this.operations.findSameRequest(owner, idempotency.fingerprint);
    return newest?.id === idempotency.after ? undefined : newest;
  }

  private async repeat(
    principal: Principal,
    target: RequestedTarget,
    request: ActionRequest,
    ask: (place: ItemPlace) => AskedOfItem | AskedCopy,
    { idempotency, began }: { idempotency: Idempotency; began: Operation },
  ): Promise<Operation> {
    const isSame = began.fingerprint === idempotency.fingerprint;
    // What another request would find is looked for no further.
    if (!isSame && !('sid' in target)) throw keyReused();
    const { sid, item } = 'sid' in target ? target : { sid: began.restoreSessionId, item: began.item };
    const session = await this.sessions.find(principal, sid);
    const decision = await this.authorization.byIds(principal, session, item, ask(session));
    if (!isSame) throw keyReused();
    await this.trail.decided(principal, request.action, decision, {
      ...decidedOn(session, began.item, { ...request, operationId: began.id }),
      detail: { repeated: true },
    });
    this.metrics.countRepeatedRequest(request.action);
    return began;
  }
}

function keyReused(): IdempotencyKeyReusedError {
  return new IdempotencyKeyReusedError('You used this Idempotency-Key for another request; each takes a new one.');
}

function mayBeConsequence(error: unknown): boolean {
  return error instanceof UniqueViolation || (error instanceof DomainError && consequences.has(error.code));
}
