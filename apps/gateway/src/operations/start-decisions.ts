import { type Configuration, ConfigurationSource, DEVICE_CODE } from '@app/config';
import { principalNow } from '@app/identity';
import { ForbiddenError, InternalError } from '@app/problems';
import type { Operation } from '@app/store';
import { Inject, Injectable } from '@nestjs/common';

import { CONFIGURATION } from '../infrastructure/tokens.js';
import { ItemAuthorization } from '../policy/item-authorization.service.js';
import { MailRules } from '../policy/mail-rules.service.js';
import type { RestoreSession } from '../restore-sessions/restore-session.js';
import type { StoredRequest } from './stored-request.js';

/**
 * What was accepted is decided again when it starts, by the policy, the roles and the look-ups of then: it may have waited, and what
 * permitted it may be gone.
 */
@Injectable()
export class StartDecisions {
  constructor(
    private readonly authorization: ItemAuthorization,
    private readonly mailRules: MailRules,
    private readonly live: ConfigurationSource,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'issuers'>,
  ) {}

  /** @throws ForbiddenError or NotFoundError when it is no longer permitted, which is then on record */
  async decide(operation: Operation, session: RestoreSession): Promise<void> {
    const { id: operationId, principal: facts, item, credential, reason, onBehalfOf } = operation;
    if (facts === undefined) {
      throw new ForbiddenError('Nobody knows any more who asked for the operation.');
    }
    const principal = principalNow(facts, {
      issuers: this.configuration.issuers,
      roleBindings: this.live.current.roleBindings,
    });
    const credentialProfile = credential === DEVICE_CODE ? undefined : credential;
    const request = operation.request as StoredRequest;
    switch (request.action) {
      case 'restore': {
        await this.authorization.act(principal, session, item, {
          ...request,
          credentialProfile,
          reason,
          onBehalfOf,
          operationId,
        });
        return;
      }
      case 'copy': {
        const target = { found: request.target };
        const asked = { ...request, target, credentialProfile, reason, onBehalfOf, operationId };
        await this.authorization.copy(principal, session, item, asked);
        return;
      }
      case 'send': {
        await this.authorization.act(principal, session, item, {
          action: 'send',
          reason,
          onBehalfOf,
          operationId,
          senderAllowed: this.mailRules.sender(principal, request.from).isAllowed,
          recipientAllowed: this.mailRules.isRecipientAllowed(request.to),
        });
        return;
      }
      case 'save':
        throw new InternalError('A download does not wait.');
    }
  }
}
