import type { Dialect } from '../dialect.js';
import { getItem, listItemsFrom, listVersions, searchOneDrive, searchOneDrives } from '../shared/items.js';
import { listUserOneDrives } from '../shared/organizations.js';
import { listRestoreEvents } from '../shared/restore-events.js';
import { getOneDrive, getRestoreSession, listOneDrives, requestDeviceCode } from '../shared/restore-sessions.js';
import { readUserByMsid, usersIn } from '../shared/users.js';
import { verbActions } from '../shared/verb-actions.js';
import { emailSettings, logout } from '../shared/verb-server.js';
import { checkDeviceCode, openRestoreSession, stopRestoreSession } from '../shared/verb-sessions.js';
import { errorCodes } from './error-codes.js';
import { listOrganizations } from './organizations.js';
import { listRestoreSessions, readFollowing, restoreStatistics } from './restore-sessions.js';
import { health } from './server.js';

/** v8: one URL per verb; restore and copy answer with a session to follow; a plain bearer login has to be asked for. */
export const v8: Dialect = {
  version: 'v8',
  capabilities: {
    restoreCredentials: ['user', 'application', 'device-code'],
    copyCredentials: ['user', 'application', 'device-code'],
    credentialRegions: true,
    // A restore has no `documentVersion` any more: earlier versions of a document have URLs of their own.
    restoreDocumentVersionAll: false,
    copyDocumentVersionAll: true,
    followedRestores: true,
    deviceCodeCheck: true,
    versions: true,
    searchOfAllOneDrives: true,
    documentCopyChoices: true,
  },
  // Without it, every call wants an antiforgery cookie and header besides the token.
  loginFields: { disable_antiforgery_token: 'true' },
  refusals: {
    errorCodes,
    // No status is promised for any failure; these count only where no code tells.
    notFoundStatuses: new Set([400, 404]),
    goneSessionStatuses: new Set([400, 404, 500]),
  },

  health,
  listOrganizations,
  ...usersIn({ login: 'userName', readUser: readUserByMsid }),
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
  ...verbActions({ readResult: readFollowing, documentCopyChoices: true }),
  following: { listRestoreSessions, restoreStatistics },
  searchOneDrives,
  listVersions,
  checkDeviceCode,
  logout,
};
