import { and, eq, isNull, notExists, or, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';

import type { Database } from './database.js';
import { upstreamServers } from './schema.js';

/** A backup server, by its name in the configuration and its base URL. */
export interface UpstreamServer {
  readonly name: string;
  readonly url: string;
}

const another = alias(upstreamServers, 'another');

export class UpstreamServersRepository {
  constructor(private readonly database: Database) {}

  /** The version that was kept for a server of this name, wherever it was then, or else for one at this URL. */
  async findApiVersion({ name, url }: UpstreamServer): Promise<string | undefined> {
    const rows = await this.database.transaction(async (orm) => {
      // What was kept when servers had no names is known by its name from now on.
      const isNameFree = notExists(orm.select({ url: another.url }).from(another).where(eq(another.name, name)));
      await orm
        .update(upstreamServers)
        .set({ name })
        .where(and(eq(upstreamServers.url, url), isNull(upstreamServers.name), isNameFree));
      return orm
        .select({ apiVersion: upstreamServers.apiVersion })
        .from(upstreamServers)
        .where(or(eq(upstreamServers.name, name), eq(upstreamServers.url, url)))
        .orderBy(sql`(${upstreamServers.name} = ${name}) desc nulls last`);
    });
    return rows[0]?.apiVersion;
  }

  /** Keeps the version that was found first; a replica that detected later takes over what stands. */
  async keepApiVersion({ name, url }: UpstreamServer, apiVersion: string, detectedAt: Date): Promise<void> {
    await this.database.run((orm) =>
      orm.insert(upstreamServers).values({ url, name, apiVersion, detectedAt }).onConflictDoNothing(),
    );
  }
}
