import { TokenMissingError } from '@app/problems';
import { Secret } from '@app/secrets';
import { TokenRefusedError } from './refusal.js';

const LONGEST_TOKEN = 16 * 1024;

/** `Bearer` SP token68 (RFC 6750, section 2.1; RFC 9110, section 11.2). The scheme name is taken as written, in one case only. */
const CREDENTIALS = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/;

/**
 * The token of a request.
 *
 * @param rawHeaders names and values by turns, as `IncomingMessage.rawHeaders` gives them: `headers` would hide a second header.
 * @throws TokenMissingError without an Authorization header, TokenRefusedError for anything but exactly one well-formed header.
 */
export function readBearerToken(rawHeaders: readonly string[]): Secret {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'authorization');
  const [value] = values;
  if (value === undefined) throw new TokenMissingError('Send an access token in the Authorization header.');
  const token = CREDENTIALS.exec(value)?.[1];
  if (values.length > 1 || token === undefined || token.length > LONGEST_TOKEN) {
    throw new TokenRefusedError('malformed-header');
  }
  return new Secret(token);
}
