import { createHmac, hkdfSync } from 'node:crypto';

import type { Configuration } from '@app/config';

/**
 * A hash of what is short enough to be guessed from a plain one. All replicas share the key, the database does not hold it.
 * @param purpose what it is a hash of: the same text has another one for another purpose
 */
export function keyedHash({ database }: Pick<Configuration, 'database'>, purpose: string, text: string): string {
  const key = hkdfSync('sha256', database.url.current.expose(), '', `restore-gateway ${purpose}`, 32);
  return createHmac('sha256', Buffer.from(key)).update(text).digest('base64url');
}
