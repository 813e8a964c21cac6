import type { Principal } from '@app/identity';
import { type BackupServer, BackupServers } from '@app/veeam-client';
import { Injectable } from '@nestjs/common';

import { GatewayAccess } from '../policy/gateway-access.service.js';
import { MailRules } from '../policy/mail-rules.service.js';

export interface MissingForSend {
  /** Where it is missing, if not at the gateway; undefined where there is one only. */
  readonly backupServer: string | undefined;
  readonly field: string;
  readonly message: string;
}

export interface SendReadiness {
  readonly isReady: boolean;
  readonly missing: readonly MissingForSend[];
}

/** Whether mail can be sent at all, from every backup server: what they need for it, and what the gateway's own rules do. */
@Injectable()
export class SendReadinessService {
  constructor(
    private readonly access: GatewayAccess,
    private readonly servers: BackupServers,
    private readonly mailRules: MailRules,
  ) {}

  /** @throws ForbiddenError */
  async read(principal: Principal): Promise<SendReadiness> {
    await this.access.readSendReadiness(principal);
    const { answers, missing: unasked } = await this.servers.ask(this.servers.all, lackingOn);
    const [first] = unasked;
    if (first !== undefined && answers.length === 0) throw first.error;
    const isOnly = this.servers.all.length === 1;
    const missing = [
      ...answers.flat().map((lacking) => (isOnly ? { ...lacking, backupServer: undefined } : lacking)),
      ...unasked.map(({ backupServer, error }) => ({ backupServer, field: 'backupServer', message: error.message })),
      ...(this.mailRules.hasRecipients ? [] : [noRecipients]),
    ];
    return { isReady: missing.length === 0, missing };
  }
}

async function lackingOn({ name: backupServer, client }: BackupServer): Promise<MissingForSend[]> {
  const { missing } = await client.emailReadiness();
  return missing.map(({ explorer, setting, message }) => ({ backupServer, field: `${explorer}.${setting}`, message }));
}

const noRecipients: MissingForSend = {
  backupServer: undefined,
  field: 'mail.recipientDomains',
  message: 'The configuration of the gateway names no domain that mail may go to.',
};
