import { route } from '../../transport/route.js';
import { type Call, get } from '../../wire/call.js';

/** Before v8 there is no health resource; the list of organizations is short and needs a login, as requests do. */
export function health(): Call<void> {
  return get(route('/Organizations'), () => undefined);
}
