import type { UpstreamRestoreSession } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, command, post } from '../../wire/call.js';
import type { OpenRestoreSessionOptions } from '../dialect.js';
import { exploreOptions, readRestoreSession } from '../shared/restore-sessions.js';

export function openRestoreSession(
  organizationId: string,
  options: OpenRestoreSessionOptions,
): Call<UpstreamRestoreSession> {
  const explore = exploreOptions('veod', options);
  return post(route('/Organizations/{organizationId}/Action', { organizationId }), { explore }, readRestoreSession);
}

export function stopRestoreSession(restoreSessionId: string): Call<void> {
  return command(route('/RestoreSessions/{restoreSessionId}/Action', { restoreSessionId }), { stop: null });
}
