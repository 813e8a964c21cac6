import { UpstreamBrokenError } from '@app/problems';
import { Secret } from '@app/secrets';
import { Fields } from '../wire/fields.js';

export interface TokenAnswer {
  readonly access: Secret;
  readonly refresh: Secret | undefined;
  readonly lifetimeMs: number;
}

/** Tokens are opaque. `expires_in` is the only word on how long they live, since administrators set it freely. */
export function readTokens(value: unknown): TokenAnswer {
  const fields = new Fields(value, 'tokens');
  const access = fields.filledString('access_token');
  // It becomes a header; anything else must not fail as a broken connection later.
  if (!/^[\x21-\x7e]+$/.test(access)) throw new UpstreamBrokenError('The backup server sent an unusable access token.');
  const refresh = fields.optionalString('refresh_token');
  return {
    access: new Secret(access),
    refresh: refresh ? new Secret(refresh) : undefined,
    lifetimeMs: fields.count('expires_in') * 1000,
  };
}
