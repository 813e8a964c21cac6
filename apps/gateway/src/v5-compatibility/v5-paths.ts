import { lowerCaseAscii } from '../http/ascii.js';

/** Every path of the v5 surface, in the one spelling its routes are declared with. */
export const v5Paths = [
  '/v5/Organizations',
  '/v5/Organizations/:id/Action',
  '/v5/RestoreSessions/:sid',
  '/v5/RestoreSessions/:sid/Action',
  '/v5/RestoreSessions/:sid/Organization/OneDrives',
  '/v5/RestoreSessions/:sid/Organization/OneDrives/:oid',
  '/v5/RestoreSessions/:sid/Organization/OneDrives/:oid/Action',
  '/v5/RestoreSessions/:sid/organization/restoreDeviceCode',
] as const;

const templates = v5Paths.map((path) => path.split('/'));
const queryNames = new Set(['limit', 'offset']);

/**
 * Rewrites a v5 request target to the spelling of its route, since version 5 reads paths and query names in any case
 * and Fastify's own switch for that would open every other route too. Ids and query values stay byte for byte as they
 * came, nothing is decoded, and whatever is no v5 path is returned unchanged.
 */
export function canonicalizeV5Path(url: string): string {
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const segments = path.split('/');
  const template = templates.find((candidate) => matches(candidate, segments));
  if (!template) {
    return url;
  }
  const canonicalPath = template.map((part, index) => (part.startsWith(':') ? segments[index] : part)).join('/');
  return queryAt < 0 ? canonicalPath : `${canonicalPath}?${canonicalQuery(url.slice(queryAt + 1))}`;
}

function matches(template: readonly string[], segments: readonly string[]): boolean {
  return (
    template.length === segments.length &&
    template.every((part, index) => {
      const segment = segments[index] ?? '';
      return part.startsWith(':') ? segment !== '' : lowerCaseAscii(part) === lowerCaseAscii(segment);
    })
  );
}

function canonicalQuery(query: string): string {
  return query
    .split('&')
    .map((pair) => {
      const [written = ''] = pair.split('=', 1);
      const name = lowerCaseAscii(written);
      return queryNames.has(name) ? name + pair.slice(written.length) : pair;
    })
    .join('&');
}
