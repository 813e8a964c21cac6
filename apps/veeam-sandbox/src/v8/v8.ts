import type { ApiVersion } from '../http/api-version.js';
import { parseStrictJson } from '../http/lenient-json.js';
import { actionRoutes } from './actions.routes.js';
import { catalogRoutes } from './catalog.routes.js';
import { emailSettingsRoutes } from './email-settings.routes.js';
import { organizationRoutes } from './organizations.routes.js';
import { refusalToWire } from './refusal.js';
import { restoreSessionRoutes } from './restore-sessions.routes.js';
import { serviceRoutes } from './service.routes.js';
import { tokenRoutes } from './token.routes.js';

/** Last segments of URLs, in lower case, and the words of the control API for them. */
const actionWords: ReadonlyMap<string, string> = new Map([
  ['restore', 'restore'],
  ['copyto', 'copy'],
  ['send', 'send'],
  ['save', 'save'],
  ['search', 'search'],
  ['explore', 'explore'],
  ['stop', 'stop'],
]);

/** v8: one URL per verb; restores and copies are answered at once and run in sessions of their own; links are relative. */
export const v8: ApiVersion = {
  name: 'v8',
  routes: [
    ...tokenRoutes,
    ...serviceRoutes,
    ...organizationRoutes,
    ...restoreSessionRoutes,
    ...catalogRoutes,
    ...actionRoutes,
    ...emailSettingsRoutes,
  ],
  linkBase: () => '/v8',
  parseJson: (text) => parseStrictJson(text),
  actionOf: ({ method, pattern }) => {
    const last = pattern.slice(pattern.lastIndexOf('/') + 1).toLowerCase();
    return method === 'POST' ? actionWords.get(last) : undefined;
  },
  refusal: refusalToWire,
};
