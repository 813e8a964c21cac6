import type { Secret } from '@app/secrets';
import type { UpstreamRestoreSession } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, command, post } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import type { OpenRestoreSessionOptions } from '../dialect.js';
import { exploreOptions, readRestoreSession } from './restore-sessions.js';

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

export function checkDeviceCode(userCode: Secret): Call<{ readonly isConfirmed: boolean }> {
  return post(route('/DeviceCode/check'), { userCode }, (body) => ({
    isConfirmed: new Fields(body, 'the state of a device code').boolean('authenticated'),
  }));
}
