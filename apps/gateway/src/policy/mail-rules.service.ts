import type { Configuration } from '@app/config';
import type { Principal } from '@app/identity';
import { ForbiddenError } from '@app/problems';
import { Inject, Injectable } from '@nestjs/common';

import { CONFIGURATION } from '../infrastructure/tokens.js';

/** Who may mail to whom: from the own verified address or a configured sender, to an allow-listed domain. */
@Injectable()
export class MailRules {
  constructor(@Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'mail'>) {}

  /** @throws ForbiddenError unless the domain of the one recipient is on the allow-list. */
  recipient(address: string): string {
    const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
    if (!this.configuration.mail.recipientDomains.includes(domain)) {
      throw new ForbiddenError('Mail may not be sent to that domain.');
    }
    return address;
  }

  /** @throws ForbiddenError when the caller may not send from that address, or has none to send from. */
  sender(principal: Principal, requested: string | undefined): string {
    const own = principal.email?.isVerified ? [principal.email.address] : [];
    const allowed = [...own, ...this.configuration.mail.senders];
    const sender =
      requested === undefined
        ? allowed[0]
        : allowed.find((address) => address.toLowerCase() === requested.toLowerCase());
    if (sender === undefined) {
      throw new ForbiddenError('Mail may only be sent from your own verified address or a configured sender.');
    }
    return sender;
  }
}
