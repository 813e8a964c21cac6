import { json, type ApiVersion } from '../http/api-version.js';
import { parseLenientJson, parseStrictJson } from '../http/lenient-json.js';
import { actionRoutes, actionWords } from './actions.routes.js';
import { catalogRoutes } from './catalog.routes.js';
import { emailSettingsRoutes } from './email-settings.routes.js';
import { organizationRoutes } from './organizations.routes.js';
import { restoreSessionRoutes } from './restore-sessions.routes.js';
import { tokenRoutes } from './token.routes.js';

/** v5: one `Action` URL per resource, whose body names the action; links are absolute, in lower case. */
export const v5: ApiVersion = {
  name: 'v5',
  linkBase: (host) => `https://${host}/v5`,
  routes: [
    ...tokenRoutes,
    ...organizationRoutes,
    ...restoreSessionRoutes,
    ...catalogRoutes,
    ...actionRoutes,
    ...emailSettingsRoutes,
  ],
  parseJson: (text, { lenientJson }) => (lenientJson ? parseLenientJson(text) : parseStrictJson(text)),
  actionOf: ({ pattern }, body) => {
    if (!pattern.endsWith('/Action') || typeof body !== 'object' || body === null) return undefined;
    return Object.keys(body)
      .map((name) => actionWords.get(name.toLowerCase()))
      .find((word) => word !== undefined);
  },
  refusal: ({ status, message }) => json({ message }, status),
};
