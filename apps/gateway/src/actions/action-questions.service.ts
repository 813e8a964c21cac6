import type { Principal } from '@app/identity';
import { Injectable } from '@nestjs/common';

import { CredentialProfilesService } from '../credential-profiles/credential-profiles.service.js';
import type { AskedCopy, AskedOfItem, ItemPlace } from '../policy/item-question.js';
import { MailRules } from '../policy/mail-rules.service.js';
import type { ActionRequest, CopyRequest, RestoreRequest } from './action-request.js';

/** Puts requests for actions as questions to the policy: with what the configuration makes of them. */
@Injectable()
export class ActionQuestions {
  constructor(
    private readonly mailRules: MailRules,
    private readonly profiles: CredentialProfilesService,
  ) {}

  of(principal: Principal, place: ItemPlace, request: ActionRequest): AskedOfItem | AskedCopy {
    return request.action === 'copy' ? this.ofCopy(place, request) : this.ofItem(principal, place, request);
  }

  ofItem(principal: Principal, place: ItemPlace, request: Exclude<ActionRequest, CopyRequest>): AskedOfItem {
    const { action, reason, onBehalfOf } = request;
    switch (action) {
      case 'restore':
        return { ...request, credentialProfile: this.profileName(place, request) };
      case 'send':
        return {
          action,
          reason,
          onBehalfOf,
          senderAllowed: this.mailRules.sender(principal, request.from).isAllowed,
          recipientAllowed: this.mailRules.isRecipientAllowed(request.to),
        };
      case 'save':
        return { action, reason, onBehalfOf };
    }
  }

  ofCopy(place: ItemPlace, request: CopyRequest): AskedCopy {
    return { ...request, credentialProfile: this.profileName(place, request) };
  }

  /** What the policy is told of the credentials: nothing of a device code, and the name even of a profile that is not there. */
  private profileName(place: ItemPlace, request: RestoreRequest | CopyRequest): string | undefined {
    return request.userCode === undefined
      ? (request.credentialProfile ?? this.profiles.defaultOf(place.organizationName)?.name)
      : undefined;
  }
}
