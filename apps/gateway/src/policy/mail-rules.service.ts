import { ConfigurationSource } from '@app/config';
import type { Principal } from '@app/identity';
import { Injectable } from '@nestjs/common';

/** The facts the policy decides mail by: whose address it leaves from, and whether its recipient is on the allow-list. */
@Injectable()
export class MailRules {
  constructor(private readonly configuration: ConfigurationSource) {}

  /** Whether there is anywhere that mail may go. */
  get hasRecipients(): boolean {
    return this.configuration.current.mail.recipientDomains.length > 0;
  }

  isRecipientAllowed(address: string): boolean {
    const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
    return this.configuration.current.mail.recipientDomains.includes(domain);
  }

  /**
   * The address a mail leaves from, as we spell it: the one asked for, else the caller's own verified address, else the first configured sender.
   * Without an address, which the policy is told is not allowed, when there is none to choose.
   */
  sender(principal: Principal, requested: string | undefined): { address: string | undefined; isAllowed: boolean } {
    const senders = this.senders(principal);
    if (requested !== undefined) {
      const known = senders.find((address) => address.toLowerCase() === requested.toLowerCase());
      return { address: known ?? requested, isAllowed: known !== undefined };
    }
    const [address] = senders;
    return { address, isAllowed: address !== undefined };
  }

  private senders(principal: Principal): readonly string[] {
    const own = principal.email?.isVerified ? [principal.email.address] : [];
    return [...own, ...this.configuration.current.mail.senders];
  }
}
