import { json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { Fields } from '../http/fields.js';
import { tokenToWire } from '../http/token.js';

/** `POST token`: password and refresh grants, answered and refused in OAuth's shapes. */
export const tokenRoutes: readonly Route[] = [{ method: 'POST', pattern: 'token', isPublic: true, handle: token }];

const facts = { version: 'v5', antiforgery: undefined };

function token({ body, contentType, world }: Exchange): Answer {
  if (contentType !== 'application/x-www-form-urlencoded') return refused('invalid_request', 'A form is expected.');
  const form = new Fields(body ?? {}, 'token');
  const grant = form.text('grant_type')?.toLowerCase();
  if (grant !== 'password' && grant !== 'refresh_token') {
    return refused('unsupported_grant_type', 'The grant type is not supported.');
  }
  const pair =
    grant === 'password'
      ? world.logins.withPassword(form.text('username') ?? '', form.text('password') ?? '', facts)
      : world.logins.withRefreshToken(form.text('refresh_token') ?? '', facts);
  if (!pair) {
    const reason = grant === 'password' ? 'The user name or password is incorrect.' : 'The refresh token is invalid.';
    return refused('invalid_grant', reason);
  }
  return json(tokenToWire(pair, (at) => at.toUTCString()));
}

function refused(error: string, description: string): Answer {
  return json({ error, error_description: description }, 400);
}
