import type { Dialect } from '../dialect.js';
import { copy, restore, save, send } from './actions.js';
import { findUsers, listOrganizations, listUserOneDrives } from './organizations.js';
import {
  getOneDrive,
  getRestoreSession,
  listOneDrives,
  openRestoreSession,
  requestDeviceCode,
  stopRestoreSession,
} from './restore-sessions.js';
import { emailSettings, health } from './server.js';

/** v5: one `Action` URL per resource, whose body names the action; restores answer when they have ended. */
export const v5: Dialect = {
  version: 'v5',
  capabilities: {
    restoreCredentials: ['user', 'application', 'device-code'],
    copyCredentials: ['user'],
    restoreDocumentVersionAll: true,
    copyDocumentVersionAll: true,
  },
  loginFields: {},
  // Browsing an expired session was seen to give 500, reading or stopping one 400.
  goneSessionStatuses: new Set([400, 404, 500]),
  notFoundStatuses: new Set([400, 404]),

  health,
  listOrganizations,
  findUsers,
  listUserOneDrives,
  openRestoreSession,
  getRestoreSession,
  stopRestoreSession,
  requestDeviceCode,
  listOneDrives,
  getOneDrive,
  emailSettings,
  restore,
  copy,
  send,
  save,
};
