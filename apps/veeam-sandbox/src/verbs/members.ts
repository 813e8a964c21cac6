import { type Answer, empty, type Exchange } from '../http/api-version.js';
import { Fields } from '../http/fields.js';
import { SandboxError } from '../world/sandbox-error.js';
import { isSince } from './verb-version.js';

/** The body, which must be there and be a JSON object, if an empty one. */
export function bodyOf({ body, contentType }: Exchange): Fields {
  if (body !== undefined && !contentType.endsWith('/json')) {
    throw new SandboxError(415, `The media type '${contentType}' is not supported for this resource.`);
  }
  return new Fields(body, 'body', 'strict');
}

/** The query: text by nature, so booleans are read from it. */
export function queryOf({ query }: Pick<Exchange, 'query'>): Fields {
  return new Fields(Object.fromEntries(query), 'query');
}

/** Of something that was done and has nothing to tell: v8 says so. */
export function doneStatus(exchange: Exchange): 200 | 204 {
  return isSince(exchange, 'v8') ? 204 : 200;
}

export function doneAnswer(exchange: Exchange): Answer {
  return empty(doneStatus(exchange));
}

export const officeRegions = ['Worldwide', 'Germany', 'China', 'USDefence', 'USGovernment'] as const;
