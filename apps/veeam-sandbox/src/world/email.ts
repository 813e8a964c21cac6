import { createTransport } from 'nodemailer';
import { Readable } from 'node:stream';
import type { Download } from './item-archive.js';
import { badRequest, internalFailure } from './sandbox-error.js';

/** The Explorer whose settings they are: SharePoint's (VESP) or OneDrive's (VEOD). */
export type Explorer = 'vesp' | 'veod';

export interface EmailSettings {
  enableNotification: boolean;
  smtpServer: string;
  port: number;
  from: string;
  useSSL: boolean;
  useAuthentication: boolean;
  username: string;
  /** Never shown. */
  userPassword: string;
}

export interface Mail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Upstream's e-mail settings, global to the server, and sending by them. */
export class Email {
  readonly settings: Record<Explorer, EmailSettings> = { vesp: unset(), veod: unset() };

  /** What is left out stays as it is. */
  change(explorer: Explorer, change: Partial<EmailSettings>): void {
    this.settings[explorer] = { ...this.settings[explorer], ...change };
  }

  forget(): void {
    this.settings.vesp = unset();
    this.settings.veod = unset();
  }

  /** The first of them that may send; throws when none may. */
  requireEnabled(explorers: readonly Explorer[]): EmailSettings {
    const enabled = explorers.map((name) => this.settings[name]).find(({ enableNotification }) => enableNotification);
    if (!enabled) throw internalFailure('Email settings are not configured.');
    return enabled;
  }

  async send(mail: Mail, attachment: Download | undefined, settings: EmailSettings): Promise<void> {
    if (!/^[^\s@,;<>]+@[^\s@,;<>]+$/.test(mail.to)) throw badRequest(`The specified address is invalid: to`);
    const transport = createTransport({
      host: settings.smtpServer,
      port: settings.port,
      // As .NET does it: SSL means STARTTLS, except on the port of SMTP over TLS; without it none is used even if offered.
      secure: settings.useSSL && settings.port === 465,
      requireTLS: settings.useSSL,
      ignoreTLS: !settings.useSSL,
      ...(settings.useAuthentication ? { auth: { user: settings.username, pass: settings.userPassword } } : {}),
    });
    try {
      await transport.sendMail({
        from: mail.from || settings.from,
        to: mail.to,
        subject: mail.subject,
        text: mail.text,
        attachments: attachment ? [{ filename: attachment.name, content: Readable.from(attachment.read()) }] : [],
      });
    } catch (error) {
      throw internalFailure(`Failed to send email: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      transport.close();
    }
  }
}

function unset(): EmailSettings {
  return {
    enableNotification: false,
    smtpServer: '',
    port: 25,
    from: '',
    useSSL: false,
    useAuthentication: false,
    username: '',
    userPassword: '',
  };
}
