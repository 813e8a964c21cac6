import { randomUUID } from 'node:crypto';

import type { NewAuditRecord } from '@app/audit';
import type { Clock } from '@app/clock';
import type { Configuration } from '@app/config';
import { type Operation, type Statements, WebhookDeliveriesRepository } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import type { Accepted, Change } from '../audit/audit-trail.js';
import { CLOCK, CONFIGURATION } from '../infrastructure/tokens.js';
import { isAllOwn, type PermittedAction, type PermittedCopy } from '../policy/permitted-action.js';
import { operationEnded, operatorActionAccepted, type WebhookMessage } from './webhook-messages.js';
import { clientReceiver, type NamedReceiver, noticeReceiver } from './webhook-receivers.js';

/**
 * Writes down what receivers of webhooks are to be told, in the transaction of the change itself: what happened is told, what was
 * rolled back is not. Where no receiver is configured nothing is written.
 */
@Injectable()
export class WebhookOutbox {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'webhooks' | 'ownerNotice'>,
  ) {}

  /**
   * The change, and the notice to the owner if it accepts an operation on a OneDrive that is not the caller's own.
   * @param record what the audit trail says of it, so that both say the same
   */
  tellingOfAcceptance<T extends Accepted>(
    change: Change<T>,
    record: Pick<NewAuditRecord, 'actor' | 'onBehalfOf' | 'reason'>,
    permitted: PermittedAction | PermittedCopy,
  ): Change<T> {
    return async (statements) => {
      const accepted = await change(statements);
      const receiver = typeof accepted === 'object' && noticeReceiver(this.configuration, accepted);
      if (receiver && !isAllOwn(permitted)) {
        await this.write(statements, accepted, receiver, operatorActionAccepted(accepted, record, permitted));
      }
      return accepted;
    };
  }

  /** The change, and the message to the application if it ends an operation of one that wants to be told. */
  tellingOfEnd(change: Change<Operation | undefined>): Change<Operation | undefined> {
    return async (statements) => {
      const ended = await change(statements);
      const receiver = ended && clientReceiver(this.configuration, ended);
      if (receiver) await this.write(statements, ended, receiver, operationEnded(ended, this.now()));
      return ended;
    };
  }

  private async write(
    statements: Statements,
    { id: operationId }: Operation,
    { name: receiver }: NamedReceiver,
    message: WebhookMessage,
  ): Promise<void> {
    await new WebhookDeliveriesRepository(statements).insert({
      id: randomUUID(),
      operationId,
      type: message.type,
      receiver,
      body: JSON.stringify(message),
      createdAt: this.now(),
    });
  }

  private now(): Date {
    return new Date(this.clock.now());
  }
}
