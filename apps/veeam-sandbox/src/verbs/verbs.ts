import type { ApiVersion, Route } from '../http/api-version.js';
import { parseStrictJson } from '../http/lenient-json.js';
import { actionRoutes } from './actions.routes.js';
import { catalogRoutes } from './catalog.routes.js';
import { emailSettingsRoutes } from './email-settings.routes.js';
import { organizationRoutes } from './organizations.routes.js';
import { refusalToWire } from './refusal.js';
import { restoreSessionRoutes } from './restore-sessions.routes.js';
import { serviceRoutes } from './service.routes.js';
import { tokenRoutes } from './token.routes.js';
import { isSince, type VerbVersion } from './verb-version.js';

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

const routes: readonly Route[] = [
  ...tokenRoutes,
  ...serviceRoutes,
  ...organizationRoutes,
  ...restoreSessionRoutes,
  ...catalogRoutes,
  ...actionRoutes,
  ...emailSettingsRoutes,
];

/** What not every version has, and since which. */
const later: ReadonlyMap<string, VerbVersion> = new Map([
  ['token/logout', 'v7'],
  ['Health', 'v8'],
  ['RestoreSessions/{restoreSessionId}/Statistics', 'v8'],
]);

export const v6 = verbsOf('v6');
export const v7 = verbsOf('v7');
export const v8 = verbsOf('v8');

/** v6 to v8: one URL per verb; links are relative. From v8 on restores and copies are answered at once and run in sessions of their own. */
function verbsOf(name: VerbVersion): ApiVersion {
  return {
    name,
    routes: routes.filter(({ pattern }) => isSince({ version: name }, later.get(pattern) ?? 'v6')),
    linkBase: () => `/${name}`,
    parseJson: (text) => parseStrictJson(text),
    actionOf: ({ method, pattern }) => {
      const last = pattern.slice(pattern.lastIndexOf('/') + 1).toLowerCase();
      return method === 'POST' ? actionWords.get(last) : undefined;
    },
    refusal: (error) => refusalToWire(error, name),
  };
}
