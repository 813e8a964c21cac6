import type { Page, RestoreEvent } from '../../model.js';
import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';
import { Fields, lower } from '../../wire/fields.js';
import { type PageRequest, readPage } from '../../wire/page.js';

/** In the order in which they began; old documents and new ones agree on everything but the list of states. */
export function listRestoreEvents(restoreSessionId: string, page: PageRequest): Call<Page<RestoreEvent>> {
  const { offset, limit } = page;
  return get(route('/RestoreSessions/{restoreSessionId}/Events', { restoreSessionId }, { offset, limit }), (body) =>
    readPage(body, page, readRestoreEvent),
  );
}

const kinds: Readonly<Record<string, RestoreEvent['kind'] | undefined>> = {
  restore: 'restore',
  save: 'save',
  send: 'send',
};

const states: Readonly<Record<string, RestoreEvent['state'] | undefined>> = {
  running: 'running',
  success: 'succeeded',
  warning: 'warning',
  failed: 'failed',
  cancelled: 'canceled',
  skipped: 'skipped',
};

export function readRestoreEvent(value: unknown): RestoreEvent {
  const fields = new Fields(value, 'an event');
  return {
    order: fields.count('order'),
    kind: kinds[lower(fields.optionalString('type') ?? '')] ?? 'other',
    state: states[lower(fields.optionalString('status') ?? '')] ?? 'unknown',
    startedAt: fields.time('startTime'),
    endedAt: fields.optionalTime('endTime'),
    itemName: fields.optionalString('itemName'),
    message: fields.optionalString('message') ?? '',
  };
}
