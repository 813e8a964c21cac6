import { empty, json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { Fields } from '../http/fields.js';
import type { EmailSettings, Explorer } from '../world/email.js';
import { badRequest } from '../world/sandbox-error.js';
import { emailSettingsToWire } from './wire.js';

const explorers: readonly (readonly [string, Explorer])[] = [
  ['VESPEmailSettings', 'vesp'],
  ['VEODEmailSettings', 'veod'],
];

export const emailSettingsRoutes: readonly Route[] = explorers.flatMap(([pattern, explorer]): Route[] => [
  {
    method: 'GET',
    pattern,
    handle: ({ world }) => json(emailSettingsToWire(world.email.settings[explorer])),
  },
  { method: 'PUT', pattern, handle: (exchange) => change(exchange, explorer) },
  { method: 'POST', pattern: `${pattern}/SendTestEmail`, handle: (exchange) => sendTestEmail(exchange, explorer) },
]);

function change({ body, world }: Exchange, explorer: Explorer): Answer {
  const fields = new Fields(body, 'settings');
  const given: { [K in keyof EmailSettings]: EmailSettings[K] | undefined } = {
    enableNotification: fields.flag('enableNotification'),
    smtpServer: fields.text('smtpServer'),
    port: fields.integer('port'),
    from: fields.text('from'),
    useSSL: fields.flag('useSSL'),
    useAuthentication: fields.flag('useAuthentication'),
    username: fields.text('username'),
    userPassword: fields.text('userPassword'),
  };
  const changed = Object.entries(given).filter(([, value]) => value !== undefined);
  world.email.change(explorer, Object.fromEntries(changed));
  return json(emailSettingsToWire(world.email.settings[explorer]));
}

async function sendTestEmail({ body, world }: Exchange, explorer: Explorer): Promise<Answer> {
  const to = new Fields(body, 'email').required('email');
  const settings = world.email.settings[explorer];
  if (!settings.enableNotification) throw badRequest('Email settings are not configured.');
  const mail = { from: settings.from, to, subject: 'Test email', text: 'This is a test email.' };
  await world.email.send(mail, undefined, settings);
  return empty();
}
