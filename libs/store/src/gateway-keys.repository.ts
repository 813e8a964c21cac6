import { InternalError } from '@app/problems';
import { Secret } from '@app/secrets';
import { eq } from 'drizzle-orm';

import type { Statements } from './database.js';
import { gatewayKeys } from './schema.js';

export class GatewayKeysRepository {
  constructor(private readonly database: Pick<Statements, 'run'>) {}

  /** What keyed hashes are made with: the same for every replica and for good, whatever becomes of logins. */
  async ofKeyedHashes(): Promise<Secret> {
    const rows = await this.database.run((orm) =>
      orm.select({ key: gatewayKeys.key }).from(gatewayKeys).where(eq(gatewayKeys.name, 'keyed-hashes')),
    );
    if (rows[0] === undefined) throw new InternalError('The database has no key for keyed hashes.');
    return new Secret(rows[0].key);
  }
}
