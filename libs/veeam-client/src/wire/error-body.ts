import { lower } from './fields.js';

/** What an error answer says, already fit for the log. */
export interface ErrorBody {
  /** Upstream's `errorCode` (v7, v8) or OAuth's `error`. */
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** Takes secrets out of what upstream says. */
export interface WordScrubber {
  scrub(words: string): string;
}

const MAX_MESSAGE_LENGTH = 500;

/**
 * Reads `{message}`, `{errorCode, message}`, `{error, error_description}`, an empty body and anything else (a proxy's HTML page)
 * without ever failing. Other members, `stackTrace` above all, are left where they are.
 *
 * @param sent a server that echoes what went up must not get it into the log
 */
export function readErrorBody(text: string, sent: WordScrubber): ErrorBody {
  if (text.trim() === '') return { code: undefined, message: undefined };
  const members = parseMembers(text);
  if (!members) return { code: undefined, message: `(${text.length} characters that are not JSON)` };
  const say = (...names: string[]) => {
    const said = names.map((name) => members.get(name)).find((value) => typeof value === 'string' && value !== '');
    return typeof said === 'string' ? sent.scrub(said).slice(0, MAX_MESSAGE_LENGTH) : undefined;
  };
  return { code: say('errorcode', 'error'), message: say('message', 'error_description') };
}

function parseMembers(text: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    return new Map(Object.entries(value).map(([name, member]) => [lower(name), member]));
  } catch {
    return undefined;
  }
}
