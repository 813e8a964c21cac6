import { emailSettingsAt } from '../shared/email-settings.js';

/** The OneDrive Explorer has settings of its own, while the v5 page on `sendTo` points at those of SharePoint. */
export const emailSettings = [
  emailSettingsAt('onedrive', '/VEODEmailSettings', 'smtpServer'),
  emailSettingsAt('sharepoint', '/VESPEmailSettings', 'smtpServer'),
];
