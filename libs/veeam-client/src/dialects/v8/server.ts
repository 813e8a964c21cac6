import { route } from '../../transport/route.js';
import { type Call, command, get } from '../../wire/call.js';
import { emailSettingsAt } from '../shared/email-settings.js';

/** Not `Health`: it tells of the server's own database, while this is what requests need. */
export function health(): Call<void> {
  return get(route('/Organizations', {}, { offset: 0, limit: 1 }), () => undefined);
}

/** The OneDrive Explorer's settings, and no others, count for `send`. */
export const emailSettings = [emailSettingsAt('onedrive', '/VeodEmailSettings', 'server')];

export function logout(): Call<void> {
  return command(route('/token/logout'));
}
