import { UpstreamBrokenError } from '@app/problems';
import { Secret } from '@app/secrets';
import type { DeviceCode, OneDrive, Page, RestoreResult, UpstreamRestoreSession } from '../../model.js';
import { route } from '../../transport/route.js';
import type { WireValue } from '../../wire/body.js';
import { type Call, get, post } from '../../wire/call.js';
import { Fields, lower } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import type { OpenRestoreSessionOptions } from '../dialect.js';
import { readListedOneDrive, readOneDrive } from './organizations.js';

/**
 * Dates without a zone are where earlier portals picked the wrong backup: ours goes up in UTC, with its Z. Upstream keeps times in
 * 100 ns of which ours have lost all below the millisecond: the whole of that is meant, or a backup would not be shown at its own time.
 */
export function exploreOptions(
  type: 'veod' | 'Veod',
  { pointInTime, showDeleted, showAllVersions }: OpenRestoreSessionOptions,
): Record<string, WireValue | undefined> {
  const dateTime = pointInTime === undefined ? undefined : new Date(pointInTime).toISOString().replace('Z', '9999Z');
  return { dateTime, type, showDeleted, showAllVersions };
}

export function getRestoreSession(restoreSessionId: string): Call<UpstreamRestoreSession> {
  return get(route('/RestoreSessions/{restoreSessionId}', { restoreSessionId }), readRestoreSession);
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
    (body) => readPage(body, page, readListedOneDrive),
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

const results: Readonly<Record<string, RestoreResult | undefined>> = {
  success: 'success',
  warning: 'warning',
  failed: 'failed',
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
    organizationName: fields.optionalString('organization'),
    // Upstream fills it in from the start; while the session works it says nothing.
    result: state === 'stopped' ? results[lower(fields.optionalString('result') ?? '')] : undefined,
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
