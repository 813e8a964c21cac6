import { route } from '../../transport/route.js';
import { type Call, command } from '../../wire/call.js';
import { emailSettingsAt } from './email-settings.js';

/** From v6 on the OneDrive Explorer's settings, and no others, count for `send`. */
export const emailSettings = [emailSettingsAt('onedrive', '/VeodEmailSettings', 'server')];

/** From v7 on. */
export function logout(): Call<void> {
  return command(route('/token/logout'));
}
