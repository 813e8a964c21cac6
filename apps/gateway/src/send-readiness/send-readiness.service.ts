import type { Principal } from '@app/identity';
import { VeeamClient } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { GatewayAccess } from '../policy/gateway-access.service.js';
import { MailRules } from '../policy/mail-rules.service.js';

export interface SendReadiness {
  readonly isReady: boolean;
  readonly missing: readonly { readonly field: string; readonly message: string }[];
}

/** Whether mail can be sent at all: what upstream needs for it, and what the gateway's own rules do. */
@Injectable()
export class SendReadinessService {
  constructor(
    private readonly access: GatewayAccess,
    private readonly client: VeeamClient,
    private readonly mailRules: MailRules,
  ) {}

  /** @throws ForbiddenError */
  async read(principal: Principal): Promise<SendReadiness> {
    await this.access.readSendReadiness(principal);
    const upstream = await this.client.emailReadiness();
    const missing = [
      ...upstream.missing.map(({ explorer, setting, message }) => ({ field: `${explorer}.${setting}`, message })),
      ...(this.mailRules.hasRecipients ? [] : [noRecipients]),
    ];
    return { isReady: missing.length === 0, missing };
  }
}

const noRecipients = {
  field: 'mail.recipientDomains',
  message: 'The configuration of the gateway names no domain that mail may go to.',
};
