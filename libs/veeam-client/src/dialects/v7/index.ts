import type { Dialect } from '../dialect.js';
import { health } from '../shared/health.js';
import { getItem, listItemsFrom, listVersions, searchOneDrive, searchOneDrives } from '../shared/items.js';
import { listOrganizationsAtOnce, listUserOneDrives } from '../shared/organizations.js';
import { listRestoreEvents } from '../shared/restore-events.js';
import { getOneDrive, getRestoreSession, listOneDrives, requestDeviceCode } from '../shared/restore-sessions.js';
import { readEnded } from '../shared/statistics.js';
import { readUserById, usersIn } from '../shared/users.js';
import { verbActions } from '../shared/verb-actions.js';
import { emailSettings, logout } from '../shared/verb-server.js';
import { checkDeviceCode, openRestoreSession, stopRestoreSession } from '../shared/verb-sessions.js';

/** v7: as v6, but for the name of the root, an antiforgery pair that has to be declined, a logout and one error code. */
export const v7: Dialect = {
  version: 'v7',
  capabilities: {
    restoreCredentials: ['user', 'application', 'device-code'],
    copyCredentials: ['user', 'application', 'device-code'],
    credentialRegions: true,
    // A restore has no `documentVersion` any more: earlier versions of a document have URLs of their own.
    restoreDocumentVersionAll: false,
    copyDocumentVersionAll: true,
    followedRestores: false,
    deviceCodeCheck: true,
    versions: true,
    searchOfAllOneDrives: true,
    documentCopyChoices: false,
  },
  // Without it, every call wants an antiforgery cookie and header besides the token.
  loginFields: { disable_antiforgery_token: 'true' },
  refusals: {
    errorCodes: { ProxyOffline: 'unavailable' },
    notFoundStatuses: new Set([400, 404]),
    // A dead session has no status of its own: 400, 404 and 500 were seen in other versions.
    goneSessionStatuses: new Set([400, 404, 500]),
  },

  health,
  // v7 leaves the times of the first and last backup out of it without the extended view; to v6 it is the default.
  listOrganizations: listOrganizationsAtOnce({ extendedView: 'true' }),
  ...usersIn({ login: 'userName', readUser: readUserById }),
  listUserOneDrives,
  openRestoreSession,
  getRestoreSession,
  stopRestoreSession,
  listRestoreEvents,
  requestDeviceCode,
  listOneDrives,
  getOneDrive,
  listItems: listItemsFrom('root'),
  getItem,
  searchOneDrive,
  emailSettings,
  ...verbActions({ readResult: readEnded, documentCopyChoices: false }),
  searchOneDrives,
  listVersions,
  checkDeviceCode,
  logout,
};
