import type { Dialect } from '../dialect.js';
import { health } from '../shared/health.js';
import { getItem, listItemsFrom } from '../shared/items.js';
import { listOrganizationsAtOnce, listUserOneDrives } from '../shared/organizations.js';
import { listRestoreEvents } from '../shared/restore-events.js';
import { getOneDrive, getRestoreSession, listOneDrives, requestDeviceCode } from '../shared/restore-sessions.js';
import { readUserById, usersIn } from '../shared/users.js';
import { copy, restore, save, searchOneDrive, send } from './actions.js';
import { openRestoreSession, stopRestoreSession } from './restore-sessions.js';
import { emailSettings } from './email-settings.js';

/** v5: one `Action` URL per resource, whose body names the action; restores answer when they have ended. */
export const v5: Dialect = {
  version: 'v5',
  capabilities: {
    restoreCredentials: ['user', 'application', 'device-code'],
    copyCredentials: ['user'],
    credentialRegions: false,
    restoreDocumentVersionAll: true,
    copyDocumentVersionAll: true,
    followedRestores: false,
    deviceCodeCheck: false,
    versions: false,
    searchOfAllOneDrives: false,
    documentCopyChoices: false,
  },
  loginFields: {},
  refusals: {
    errorCodes: {},
    notFoundStatuses: new Set([400, 404]),
    // Browsing an expired session was seen to give 500, reading or stopping one 400.
    goneSessionStatuses: new Set([400, 404, 500]),
  },

  health,
  listOrganizations: listOrganizationsAtOnce({}),
  ...usersIn({ login: 'username', readUser: readUserById }),
  listUserOneDrives,
  openRestoreSession,
  getRestoreSession,
  stopRestoreSession,
  listRestoreEvents,
  requestDeviceCode,
  listOneDrives,
  getOneDrive,
  listItems: listItemsFrom('null'),
  getItem,
  searchOneDrive,
  emailSettings,
  restore,
  copy,
  send,
  save,
};
