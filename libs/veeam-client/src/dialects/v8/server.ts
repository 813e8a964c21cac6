import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';

/** Not `Health`: it tells of the server's own database, while this is what requests need. */
export function health(): Call<void> {
  return get(route('/Organizations', {}, { offset: 0, limit: 1 }), () => undefined);
}
