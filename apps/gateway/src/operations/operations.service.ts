import type { Clock } from '@app/clock';
import type { Principal } from '@app/identity';
import { NotFoundError, OperationConflictError } from '@app/problems';
import { isFinal, type Operation, type OperationOwner, OperationsRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { AuditTrail } from '../audit/audit-trail.js';
import { HeldDeviceCodes } from '../device-codes/held-device-codes.js';
import { CLOCK } from '../infrastructure/tokens.js';
import { AuthorizationService } from '../policy/authorization.service.js';
import { OperationNews } from './operation-news.js';

/** The operations of a caller. */
@Injectable()
export class OperationsService {
  constructor(
    private readonly operations: OperationsRepository,
    private readonly news: OperationNews,
    private readonly authorization: AuthorizationService,
    private readonly trail: AuditTrail,
    private readonly deviceCodes: HeldDeviceCodes,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(principal: Principal, page: { offset: number; limit: number }): Promise<Operation[]> {
    return this.operations.list(ownerOf(principal), page);
  }

  /** @throws NotFoundError unless it is the caller's. */
  async find(principal: Principal, id: string): Promise<Operation> {
    const operation = await this.operations.find(id, ownerOf(principal));
    if (operation === undefined) {
      await this.authorization.noOperation(principal, id);
      throw new NotFoundError('There is no such operation.');
    }
    await this.authorization.readOperation(principal, operation);
    return operation;
  }

  /** @throws OperationConflictError once it has started. Canceling a canceled one is no fault. */
  async cancel(principal: Principal, id: string): Promise<void> {
    const found = await this.find(principal, id);
    const canceledAt = new Date(this.clock.now());
    const canceled = await this.trail.ending(
      found,
      { state: 'canceled' },
      (statements) => new OperationsRepository(statements).cancel(found, ownerOf(principal), canceledAt),
      principal,
    );
    if (canceled !== undefined) {
      this.deviceCodes.forget(id);
      this.news.announce(canceled);
      return;
    }
    const operation = await this.find(principal, id);
    if (operation.state !== 'canceled') {
      throw new OperationConflictError(
        isFinal(operation.state) ? 'The operation has ended.' : 'The operation has started and cannot be stopped.',
      );
    }
  }
}

export function ownerOf({ issuer, subject, clientId }: Principal): OperationOwner {
  return { issuer, subject, clientId };
}
