import { json, type Route } from '../http/api-version.js';
import { changeEmailSettings, sendTestEmail } from '../http/email-settings.js';
import type { Explorer } from '../world/email.js';
import { bodyOf, doneAnswer, doneStatus } from './members.js';
import { emailSettingsToWire } from './wire.js';

const explorers: readonly (readonly [string, Explorer])[] = [
  ['VeodEmailSettings', 'veod'],
  ['VespEmailSettings', 'vesp'],
];

export const emailSettingsRoutes: readonly Route[] = explorers.flatMap(([pattern, explorer]): Route[] => [
  {
    method: 'GET',
    pattern,
    handle: (exchange) => json(emailSettingsToWire(exchange, pattern, exchange.world.email.settings[explorer])),
  },
  {
    method: 'PUT',
    pattern,
    handle: (exchange) => {
      changeEmailSettings(exchange, explorer, bodyOf(exchange), 'server');
      return doneAnswer(exchange);
    },
  },
  {
    method: 'POST',
    pattern: `${pattern}/SendTestEmail`,
    handle: (exchange) => sendTestEmail(exchange, explorer, bodyOf(exchange), doneStatus(exchange)),
  },
]);
