import { randomBytes } from 'node:crypto';
import { antiforgeryHeaders } from '../http/antiforgery.js';
import { empty, json, type Answer, type Exchange, type Route } from '../http/api-version.js';
import { Fields } from '../http/fields.js';
import { longTime } from '../http/times.js';
import { doneAnswer } from './members.js';
import { tokenToWire } from '../http/token.js';
import { badRequest } from '../world/sandbox-error.js';
import { isSince } from './verb-version.js';

export const tokenRoutes: readonly Route[] = [
  { method: 'POST', pattern: 'token', isPublic: true, handle: token },
  { method: 'POST', pattern: 'token/logout', handle: logOut },
];

/** As a form or as JSON. From v7 on, unless told not to, the answer brings an antiforgery token that later calls must carry twice. */
function token(exchange: Exchange): Answer {
  const { body, contentType, world, hasAntiforgery, version } = exchange;
  const isForm = contentType === 'application/x-www-form-urlencoded';
  const fields = new Fields(body, 'token', isForm ? 'lenient' : 'strict');
  const grantType = fields.text('grant_type')?.toLowerCase();
  const isDisabled = !isSince(exchange, 'v7') || (fields.flag('disable_antiforgery_token') ?? false);
  const antiforgery = isDisabled ? undefined : randomBytes(48).toString('base64url');
  const facts = { version, antiforgery };
  const answerWith = (pair: Parameters<typeof tokenToWire>[0]): Answer =>
    json(tokenToWire(pair, longTime), 200, antiforgery === undefined ? {} : antiforgeryHeaders(antiforgery));

  if (grantType === 'password') {
    const pair = world.logins.withPassword(fields.text('username') ?? '', fields.text('password') ?? '', facts);
    if (!pair) throw badRequest('The user name or password is incorrect.');
    return answerWith(pair);
  }
  if (grantType !== 'refresh_token') throw badRequest('The grant type is not supported.');
  const refreshToken = fields.text('refresh_token') ?? '';
  const grant = world.logins.refreshable(refreshToken, version);
  if (grant?.antiforgery !== undefined && !hasAntiforgery(grant.antiforgery)) return empty(401);
  const pair = world.logins.withRefreshToken(refreshToken, facts);
  if (!pair) throw badRequest('The refresh token is invalid.');
  return answerWith(pair);
}

function logOut(exchange: Exchange): Answer {
  exchange.world.logins.logOut(exchange.accessToken);
  return doneAnswer(exchange);
}
