import pg from 'pg';

import { type AuditRecord, AuditWriter, type NewAuditRecord } from '@app/audit';
import type { Clock } from '@app/clock';
import { createLogger } from '@app/logging';
import { Scrubber, Secret } from '@app/secrets';
import { Database } from '@app/store';

import { Caller } from './caller.js';
import { DatabaseProxy } from './database-proxy.js';
import { changedSettings } from './settings.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './world.js';

export const contoso = 'contoso.onmicrosoft.com';
export const fabrikam = 'fabrikam.onmicrosoft.com';

/** A gateway, its trail, and who reads that. */
export interface AuditedWorld {
  readonly neighbours: Neighbours;
  /** Between the gateway and its database. */
  readonly proxy: DatabaseProxy;
  readonly gateway: Gateway;
  /** As the gateway has it, without the proxy. */
  readonly database: Database;
  /** Logged in as the owner of the tables. */
  readonly owner: pg.Client;
  /** Auditor of contoso and fabrikam, which is all there is. */
  readonly audrey: Caller;
  /** Operator and, here, auditor of contoso. */
  readonly oscar: Caller;
  /** A process that writes to the trail, beside the gateway. */
  readonly startWriter: (clock: Clock) => AuditWriter;
  /** The records of readings, oldest first. */
  readonly readings: () => Promise<AuditRecord[]>;
  /** Without records, and without the writers that were started. */
  readonly clear: () => Promise<void>;
  /** Many rows at once, which form no chain. */
  readonly fill: (rows: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function startAuditedWorld(): Promise<AuditedWorld> {
  const neighbours = await startNeighbours();
  const proxy = await DatabaseProxy.start(neighbours.database.url);
  const owner = new pg.Client({ connectionString: neighbours.database.ownerUrl });
  await owner.connect();
  const database = new Database({ url: { current: new Secret(neighbours.database.url) }, caFile: undefined });
  const settings = await changedSettings(neighbours, ({ roleBindings }) => ({
    roleBindings: [...roleBindings, { role: 'auditor', organizations: [contoso], group: 'contoso-restore-operators' }],
  }));
  const gateway = await startGateway(neighbours, {
    environment: { ...settings, DATABASE_URL_FILE: '', DATABASE_URL: proxy.url },
  });
  const callerNamed = (name: string) => Caller.named(name, { ...neighbours, gateway });
  const logger = createLogger({ level: 'silent', scrubber: new Scrubber() });
  const writers: AuditWriter[] = [];
  const closeWriters = () => Promise.all(writers.splice(0).map((writer) => writer.close()));
  return {
    ...{ neighbours, proxy, gateway, database, owner },
    audrey: await callerNamed('audrey'),
    oscar: await callerNamed('oscar'),
    startWriter: (clock) => {
      const writer = new AuditWriter({ database, clock, logger });
      writers.push(writer);
      return writer;
    },
    readings: async () => {
      const { rows } = await owner.query<{ text: string }>(
        `select text from audit_records where action = 'readAuditRecords' order by time, writer, seq`,
      );
      return rows.map(({ text }) => JSON.parse(text) as AuditRecord);
    },
    clear: async () => {
      await closeWriters();
      await owner.query('truncate audit_records');
    },
    fill: async (rows) => {
      await owner.query(
        `insert into audit_records (writer, seq, prev, hash, text, id, time, action, decision, actor_subject, organization)
         select '5c1a2b30-0000-4000-8000-00000000c001', n, repeat('0', 64), repeat('0', 64),
                '{"action":"browse","reason":"' || repeat('x', 900) || '"}', gen_random_uuid(),
                timestamptz '2026-01-15T12:00:00Z' + n * interval '1 ms', 'browse', 'allow', 'caller-' || n % 5,
                (array['${contoso}', '${fabrikam}', null])[n % 3 + 1]
         from generate_series(1, $1) n`,
        [rows],
      );
    },
    close: async () => {
      await gateway.close();
      await closeWriters();
      await database.close();
      await owner.end();
      await proxy.close();
      await neighbours.close();
    },
  };
}

export const by = (subject: string, organization: string | undefined = contoso): NewAuditRecord => ({
  action: 'restore',
  decision: 'allow',
  actor: { issuer: 'https://sso.example', subject },
  organization,
});
