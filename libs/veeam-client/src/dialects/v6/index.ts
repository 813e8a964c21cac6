import type { Dialect } from '../dialect.js';
import { health } from '../shared/health.js';
import { getItem, listItemsFrom, listVersions, searchOneDrive, searchOneDrives } from '../shared/items.js';
import { listOrganizationsAtOnce, listUserOneDrives } from '../shared/organizations.js';
import { listRestoreEvents } from '../shared/restore-events.js';
import { getOneDrive, getRestoreSession, listOneDrives, requestDeviceCode } from '../shared/restore-sessions.js';
import { readEnded } from '../shared/statistics.js';
import { readUserById, usersIn } from '../shared/users.js';
import { verbActions } from '../shared/verb-actions.js';
import { emailSettings } from '../shared/verb-server.js';
import { checkDeviceCode, openRestoreSession, stopRestoreSession } from '../shared/verb-sessions.js';

/** v6: one URL per verb; restores answer when they have ended, with counts; a plain bearer login as in v5. */
export const v6: Dialect = {
  version: 'v6',
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
  loginFields: {},
  refusals: {
    errorCodes: {},
    notFoundStatuses: new Set([400, 404]),
    // A dead session has no status of its own: 400, 404 and 500 were seen in other versions.
    goneSessionStatuses: new Set([400, 404, 500]),
  },

  health,
  // To v6 the extended view, with the times of the first and last backup, is the default; v7 has to be asked for it.
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
  listItems: listItemsFrom('null'),
  getItem,
  searchOneDrive,
  emailSettings,
  ...verbActions({ readResult: readEnded, documentCopyChoices: false }),
  searchOneDrives,
  listVersions,
  checkDeviceCode,
};
