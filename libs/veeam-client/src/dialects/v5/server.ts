import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { emailSettingsAt } from '../shared/email-settings.js';

/** v5 has no health resource and no ServiceInstance; the list of organizations is short and needs a login. */
export function health(): Call<void> {
  return get(route('/Organizations'), () => undefined);
}

/** The OneDrive Explorer has settings of its own, while the v5 page on `sendTo` points at those of SharePoint. */
export const emailSettings = [
  emailSettingsAt('onedrive', '/VEODEmailSettings', 'smtpServer'),
  emailSettingsAt('sharepoint', '/VESPEmailSettings', 'smtpServer'),
];
