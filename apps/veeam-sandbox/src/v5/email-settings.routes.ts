import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { changeEmailSettings, sendTestEmail } from '../http/email-settings.js';
import { Fields } from '../http/fields.js';
import type { Explorer } from '../world/email.js';
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
  { method: 'POST', pattern: `${pattern}/SendTestEmail`, handle: (exchange) => test(exchange, explorer) },
]);

function change(exchange: Exchange, explorer: Explorer): Answer {
  changeEmailSettings(exchange, explorer, new Fields(exchange.body, 'settings'), 'smtpServer');
  return json(emailSettingsToWire(exchange.world.email.settings[explorer]));
}

function test(exchange: Exchange, explorer: Explorer): Promise<Answer> {
  return sendTestEmail(exchange, explorer, new Fields(exchange.body, 'email'), 200);
}
