import type { Dialect } from '../dialect.js';
import { listItemsFrom } from '../shared/items.js';
import { logout } from '../shared/verb-server.js';
import { v6 } from '../v6/index.js';

/** v7: as v6, but for the name of the root, an antiforgery pair that has to be declined, a logout and one error code. */
export const v7: Dialect = {
  ...v6,
  version: 'v7',
  // Without it, every call wants an antiforgery cookie and header besides the token.
  loginFields: { disable_antiforgery_token: 'true' },
  refusals: { ...v6.refusals, errorCodes: { ProxyOffline: 'unavailable' } },
  listItems: listItemsFrom('root'),
  logout,
};
