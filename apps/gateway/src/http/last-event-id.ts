import { ValidationFailedError } from '@app/problems';
import type { FastifyRequest } from 'fastify';

export const LAST_EVENT_ID = 'Last-Event-ID';

/**
 * The number of the last event that a client has which resumes a stream (WHATWG HTML, section 9.2.4); 0 for one that begins.
 * @throws ValidationFailedError for what is no number of an event: a client that was not understood would miss or repeat something
 */
export function lastEventId({ raw }: FastifyRequest): number {
  // One for each line of the header: joined, two would read like one.
  const ids = raw.headersDistinct['last-event-id'];
  if (ids === undefined) return 0;
  const [id = '', ...more] = ids;
  if (more.length > 0) throw invalid('must be there once');
  if (!/^[1-9]\d{0,9}$/.test(id)) throw invalid('must be the id of an event');
  return Number(id);
}

function invalid(message: string): ValidationFailedError {
  return new ValidationFailedError([{ field: LAST_EVENT_ID, message }]);
}
