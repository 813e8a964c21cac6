import type { Secret } from '@app/secrets';
import type { Outcome, Page, UpstreamRestoreSession } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, command, get, post } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import type { OpenRestoreSessionOptions } from '../dialect.js';
import { exploreOptions, readRestoreSession } from '../shared/restore-sessions.js';
import { readStatistics } from './statistics.js';

export function openRestoreSession(
  organizationId: string,
  options: OpenRestoreSessionOptions,
): Call<UpstreamRestoreSession> {
  return post(
    route('/Organizations/{organizationId}/explore', { organizationId }),
    exploreOptions('Veod', options),
    readRestoreSession,
  );
}

export function stopRestoreSession(restoreSessionId: string): Call<void> {
  return command(route('/RestoreSessions/{restoreSessionId}/Stop', { restoreSessionId }));
}

export function listRestoreSessions(startedAfter: string, page: PageRequest): Call<Page<UpstreamRestoreSession>> {
  const { offset, limit } = page;
  const query = { startTimeFrom: startedAfter, orderBy: 'CreationTime', orderAsc: 'false', offset, limit };
  return get(route('/RestoreSessions', {}, query), (body) => readPage(body, page, readRestoreSession));
}

export function restoreStatistics(restoreSessionId: string): Call<Omit<Outcome, 'result'>> {
  return get(route('/RestoreSessions/{restoreSessionId}/Statistics', { restoreSessionId }), readStatistics);
}

export function checkDeviceCode(userCode: Secret): Call<{ readonly isConfirmed: boolean }> {
  return post(route('/DeviceCode/check'), { userCode }, (body) => ({
    isConfirmed: new Fields(body, 'the state of a device code').boolean('authenticated'),
  }));
}
