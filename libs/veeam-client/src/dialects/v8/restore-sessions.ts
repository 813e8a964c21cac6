import type { ActionResult, Outcome, Page, UpstreamRestoreSession } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';
import { readRestoreSession } from '../shared/restore-sessions.js';
import { readStatistics } from './statistics.js';

export function listRestoreSessions(startedAfter: string, page: PageRequest): Call<Page<UpstreamRestoreSession>> {
  const { offset, limit } = page;
  const query = { startTimeFrom: startedAfter, orderBy: 'CreationTime', orderAsc: 'false', offset, limit };
  return get(route('/RestoreSessions', {}, query), (body) => readPage(body, page, readRestoreSession));
}

export function restoreStatistics(restoreSessionId: string): Call<Omit<Outcome, 'result'>> {
  return get(route('/RestoreSessions/{restoreSessionId}/Statistics', { restoreSessionId }), readStatistics);
}

export function readFollowing(body: unknown): ActionResult {
  const upstreamSessionId = new Fields(body, 'a started restore').filledString('sessionId');
  return { kind: 'following', upstreamSessionId };
}
