import { eq } from 'drizzle-orm';

import type { Database } from './database.js';
import { upstreamServers } from './schema.js';

export class UpstreamServersRepository {
  constructor(private readonly database: Database) {}

  async findApiVersion(url: string): Promise<string | undefined> {
    const rows = await this.database.run((orm) =>
      orm.select({ apiVersion: upstreamServers.apiVersion }).from(upstreamServers).where(eq(upstreamServers.url, url)),
    );
    return rows[0]?.apiVersion;
  }

  /** Keeps the version that was found first; a replica that detected later takes over what stands. */
  async keepApiVersion(url: string, apiVersion: string, detectedAt: Date): Promise<void> {
    await this.database.run((orm) =>
      orm.insert(upstreamServers).values({ url, apiVersion, detectedAt }).onConflictDoNothing(),
    );
  }
}
