import { UpstreamBrokenError } from '@app/problems';
import { Secret } from '@app/secrets';
import type { DeviceCode, OneDrive, Page, UpstreamRestoreSession } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, command, get, post } from '../../wire/call.js';
import { Fields, lower } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import type { OpenRestoreSessionOptions } from '../dialect.js';
import { readOneDrive } from './organizations.js';

export function openRestoreSession(
  organizationId: string,
  { pointInTime, showDeleted, showAllVersions }: OpenRestoreSessionOptions,
): Call<UpstreamRestoreSession> {
  // A date without a zone is where earlier portals picked the wrong backup: it goes up in UTC, with its Z.
  const dateTime = pointInTime === undefined ? undefined : new Date(pointInTime).toISOString();
  const explore = { dateTime, type: 'veod', showDeleted, showAllVersions };
  return post(route('/Organizations/{organizationId}/Action', { organizationId }), { explore }, readRestoreSession);
}

export function getRestoreSession(restoreSessionId: string): Call<UpstreamRestoreSession> {
  return get(route('/RestoreSessions/{restoreSessionId}', { restoreSessionId }), readRestoreSession);
}

export function stopRestoreSession(restoreSessionId: string): Call<void> {
  return command(route('/RestoreSessions/{restoreSessionId}/Action', { restoreSessionId }), { stop: null });
}

export function requestDeviceCode(restoreSessionId: string, applicationId: string): Call<DeviceCode> {
  return post(
    route('/RestoreSessions/{restoreSessionId}/organization/restoreDeviceCode', { restoreSessionId }),
    { targetApplicationId: applicationId },
    readDeviceCode,
  );
}

export function listOneDrives(restoreSessionId: string, page: PageRequest): Call<Page<OneDrive>> {
  const { offset, limit } = page;
  return get(
    route('/RestoreSessions/{restoreSessionId}/Organization/OneDrives', { restoreSessionId }, { offset, limit }),
    (body) => readPage(body, page, readOneDrive),
  );
}

export function getOneDrive(restoreSessionId: string, oneDriveId: string): Call<OneDrive> {
  return get(
    route('/RestoreSessions/{restoreSessionId}/Organization/OneDrives/{oneDriveId}', { restoreSessionId, oneDriveId }),
    readOneDrive,
  );
}

/** Old documents also list `Starting` and `Stopping`; a session that is stopping has not stopped. */
const states: Readonly<Record<string, UpstreamRestoreSession['state'] | undefined>> = {
  starting: 'running',
  working: 'running',
  stopping: 'running',
  stopped: 'stopped',
};

export function readRestoreSession(value: unknown): UpstreamRestoreSession {
  const fields = new Fields(value, 'a restore session');
  const state = states[lower(fields.string('state'))];
  if (!state) throw new UpstreamBrokenError('The backup server sent a restore session in a state nobody knows.');
  return {
    id: fields.filledString('id'),
    state,
    createdAt: fields.time('creationTime'),
    endedAt: fields.optionalTime('endTime'),
  };
}

export function readDeviceCode(value: unknown): DeviceCode {
  const fields = new Fields(value, 'a device code');
  return {
    userCode: new Secret(fields.filledString('userCode')),
    verificationUrl: fields.filledString('verificationUrl'),
    expiresInSeconds: fields.count('expiresIn'),
    message: fields.optionalString('message') ?? '',
  };
}
