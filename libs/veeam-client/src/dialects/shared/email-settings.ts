import type { EmailExplorer, EmailSettings, NewEmailSettings } from '../../model.js';
import { route } from '../../transport/route.js';
import { get, put } from '../../wire/call.js';
import { Fields, lower } from '../../wire/fields.js';
import type { EmailSettingsCalls } from '../dialect.js';

/** @param server how the version spells the name of the mail server */
export function emailSettingsAt(
  explorer: EmailExplorer,
  path: string,
  server: 'server' | 'smtpServer',
): EmailSettingsCalls {
  return {
    explorer,
    read: () => get(route(path), (body) => readEmailSettings(new Fields(body, 'e-mail settings'), server)),
    change: (settings) =>
      put(route(path), {
        enableNotification: true,
        [server]: settings.server,
        port: settings.port,
        from: settings.from,
        useSSL: settings.usesTls,
        ...loginOf(settings),
      }),
  };
}

function loginOf({ login }: NewEmailSettings) {
  return login === undefined
    ? { useAuthentication: false }
    : { useAuthentication: true, username: login.userName, userPassword: login.password };
}

function readEmailSettings(fields: Fields, server: string): EmailSettings {
  return {
    isEnabled: fields.boolean('enableNotification'),
    server: fields.optionalString(server),
    needsLogin: fields.optionalBoolean('useAuthentication') ?? false,
    userName: fields.optionalString('username'),
    consent: readConsent(fields),
  };
}

/** A server that sends by Google or Microsoft 365 (v8) needs somebody's consent instead of a mail server. */
function readConsent(fields: Fields): EmailSettings['consent'] {
  const authentication = lower(fields.optionalString('authenticationType') ?? 'CustomSmtp');
  if (authentication === 'customsmtp') return 'not-needed';
  return fields.optionalBoolean('isAuthenticated') ? 'given' : 'missing';
}
