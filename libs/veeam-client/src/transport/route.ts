import { NotFoundError } from '@app/problems';

/** Where a request goes: the template is for logs and metrics, the path for the wire. */
export interface Route {
  readonly template: string;
  readonly path: string;
}

/**
 * Fills ids into `{placeholders}` of a template and appends the query.
 *
 * @throws NotFoundError for an id that cannot be a path segment; upstream cannot know such a thing
 */
export function route(
  template: string,
  ids: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, string | number>> = {},
): Route {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeSegment(ids[name] ?? ''));
  const search = Object.entries(query)
    .map(([name, value]) => `${name}=${encodeQueryValue(String(value))}`)
    .join('&');
  return { template, path: search ? `${path}?${search}` : path };
}

const CONTROL_OR_LONE_SURROGATE = /[\p{Cc}\p{Surrogate}]/u;

/** User ids end in base64, so `/`, `+` and `=` are lawful; dot segments would be resolved away even when sent as `%2e`. */
function encodeSegment(id: string): string {
  if (id === '' || id === '.' || id === '..' || CONTROL_OR_LONE_SURROGATE.test(id)) {
    throw new NotFoundError('There is no such thing.');
  }
  return encodeURIComponent(id);
}

function encodeQueryValue(value: string): string {
  if (CONTROL_OR_LONE_SURROGATE.test(value)) throw new NotFoundError('There is no such thing.');
  return encodeURIComponent(value);
}
