import type { EmailSettings, Explorer } from '../world/email.js';
import { badRequest } from '../world/sandbox-error.js';
import { empty, type Answer, type Exchange } from './api-version.js';
import type { Fields } from './fields.js';

/** @param serverMember how the version spells the server's name. */
export function changeEmailSettings(
  { world }: Exchange,
  explorer: Explorer,
  fields: Fields,
  serverMember: 'smtpServer' | 'server',
): void {
  const given: { [K in keyof EmailSettings]: EmailSettings[K] | undefined } = {
    enableNotification: fields.flag('enableNotification'),
    smtpServer: fields.text(serverMember),
    port: fields.integer('port'),
    from: fields.text('from'),
    useSSL: fields.flag('useSSL'),
    useAuthentication: fields.flag('useAuthentication'),
    username: fields.text('username'),
    userPassword: fields.text('userPassword'),
  };
  const changed = Object.entries(given).filter(([, value]) => value !== undefined);
  world.email.change(explorer, Object.fromEntries(changed));
}

export async function sendTestEmail(
  { world }: Exchange,
  explorer: Explorer,
  fields: Fields,
  status: 200 | 204,
): Promise<Answer> {
  const to = fields.required('email');
  const settings = world.email.settings[explorer];
  if (!settings.enableNotification) throw badRequest('Email settings are not configured.');
  const mail = { from: settings.from, to, subject: 'Test email', text: 'This is a test email.' };
  await world.email.send(mail, undefined, settings);
  return empty(status);
}
