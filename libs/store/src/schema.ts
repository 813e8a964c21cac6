import { type SQL, sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

import type { PrincipalFacts } from '@app/identity';

import type {
  LastProgress,
  OperationEventContent,
  OperationItem,
  OperationOutcome,
  OperationProblem,
  OperationReconciliation,
} from './operation.js';

/** The name of its server in the configuration; what was before there were several is of the only one. */
const backupServer = () => text('backup_server').notNull().default('default');

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** Restore sessions that the gateway opened: the public id stands for upstream's, which is never shown. */
export const restoreSessions = pgTable(
  'restore_sessions',
  {
    id: uuid('id').primaryKey(),
    ownerIssuer: text('owner_issuer').notNull(),
    ownerSubject: text('owner_subject').notNull(),
    organizationId: text('organization_id').notNull(),
    /** Tenant name, lower-cased: what role bindings and credential profiles speak of. */
    organizationName: text('organization_name').notNull(),
    backupServer: backupServer(),
    upstreamSessionId: text('upstream_session_id').notNull(),
    pointInTime: time('point_in_time').notNull(),
    showDeleted: boolean('show_deleted').notNull(),
    showAllVersions: boolean('show_all_versions').notNull(),
    reason: text('reason'),
    onBehalfOf: text('on_behalf_of'),
    /** Opened for one operation, and to be stopped once that has ended. */
    isForOneOperation: boolean('for_one_operation').notNull().default(false),
    createdAt: time('created_at').notNull(),
    lastUsedAt: time('last_used_at').notNull(),
    stoppedAt: time('stopped_at'),
  },
  (table) => [
    index('restore_sessions_owner').on(table.ownerIssuer, table.ownerSubject, table.createdAt),
    index('restore_sessions_open')
      .on(table.lastUsedAt)
      .where(sql`stopped_at is null`),
  ],
);

/**
 * Upstream's sessions that no restore session goes by any more: it was stopped, another one took their place, or they were one
 * too many. Each is told to stop until upstream says that it has ended.
 */
export const formerUpstreamSessions = pgTable(
  'former_upstream_sessions',
  {
    backupServer: backupServer(),
    /** Upstream's. */
    id: text('id').notNull(),
    /** Null: it was opened for a restore session that was not recorded then. */
    restoreSessionId: uuid('restore_session_id').references(() => restoreSessions.id),
    organizationName: text('organization_name').notNull(),
    leftAt: time('left_at').notNull(),
    /** When it may be told next: while it is being told, when that attempt is given up for lost. */
    dueAt: time('due_at').notNull(),
    /** When upstream said that it has ended; null: it may still run. */
    endedAt: time('ended_at'),
    /** Grows with each claim; every later write is guarded by it. */
    attempts: integer('attempts').notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.backupServer, table.id] }),
    index('former_upstream_sessions_due')
      .on(table.dueAt)
      .where(sql`ended_at is null`),
  ],
);

/** One action each, as recorded before anything is sent; the queue and the record in one. */
export const operations = pgTable(
  'operations',
  {
    id: uuid('id').primaryKey(),
    action: text('action').notNull(),
    state: text('state').notNull(),
    ownerIssuer: text('owner_issuer').notNull(),
    ownerSubject: text('owner_subject').notNull(),
    ownerClientId: text('owner_client_id'),
    /** Who asked, as the token proved it: what is decided by again when it starts. Erased when it ends. */
    principal: jsonb('principal').$type<PrincipalFacts>(),
    /** Whether the item was the caller's own when it was asked for. */
    isOnOwnOneDrive: boolean('on_own_onedrive').notNull().default(false),
    organizationId: text('organization_id').notNull(),
    organizationName: text('organization_name').notNull(),
    backupServer: backupServer(),
    restoreSessionId: uuid('restore_session_id')
      .notNull()
      .references(() => restoreSessions.id),
    item: jsonb('item').$type<OperationItem>().notNull(),
    /** The request without secrets; emptied when the operation ends, since it may hold mail texts. */
    request: jsonb('request').notNull(),
    reason: text('reason'),
    onBehalfOf: text('on_behalf_of'),
    /** Name of the credential profile used, or `device-code`. */
    credential: text('credential'),
    /** What the caller named the request by; null: nothing. */
    idempotencyKey: text('idempotency_key'),
    /** Digest of what was asked, by which a repeat is known; null: each request is one of its own. */
    fingerprint: text('fingerprint'),
    requestId: text('request_id').notNull(),
    /** Of the request that asked for it, for records of what happens after that request. */
    traceId: text('trace_id'),
    sourceAddress: text('source_address'),
    upstreamSessionId: text('upstream_session_id'),
    requestedAt: time('requested_at').notNull(),
    /** Not to be claimed before; null: at once. */
    runAfter: time('run_after'),
    startedAt: time('started_at'),
    endedAt: time('ended_at'),
    outcome: jsonb('outcome').$type<OperationOutcome>(),
    problem: jsonb('problem').$type<OperationProblem>(),
    bytes: bigint('bytes', { mode: 'number' }),
    sha256: text('sha256'),
    /** The only replica that may run it (it holds the connection or the device code); null: any. */
    boundTo: uuid('bound_to'),
    leaseUntil: time('lease_until'),
    /** From then on something of it may have gone upstream; null: certainly not. */
    sentAt: time('sent_at'),
    /** The API version that it was sent by: traces of it are where that version leaves them. */
    sentVersion: text('sent_version'),
    /** Upstream's own session that a restore or copy goes on in (v8). */
    followedSessionId: text('followed_session_id'),
    /** The last that upstream told of how far it is. */
    progress: jsonb('progress').$type<LastProgress>(),
    /** What was found out later of one that ended as `interrupted`. */
    reconciliation: jsonb('reconciliation').$type<OperationReconciliation>(),
    /** Of the last of its events. */
    lastSequence: integer('last_sequence').notNull().default(0),
    /** Grows with each claim; every later write is guarded by it. */
    epoch: integer('epoch').notNull().default(0),
  },
  (table) => [
    index('operations_owner').on(table.ownerIssuer, table.ownerSubject, table.requestedAt),
    index('operations_queue')
      .on(table.requestedAt)
      .where(sql`state = 'accepted'`),
    uniqueIndex('operations_one_at_a_time')
      .on(table.restoreSessionId)
      .where(sql`state in ('submitting', 'following')`),
    index('operations_credential')
      .on(table.organizationName, table.credential, table.sentAt)
      .where(sql`credential is not null and sent_at is not null`),
    index('operations_unreconciled')
      .on(table.restoreSessionId)
      .where(sql`state = 'interrupted' and reconciliation is null`),
    uniqueIndex('operations_idempotency_key')
      .on(table.ownerIssuer, table.ownerSubject, clientOf(table), table.idempotencyKey)
      .where(sql`idempotency_key is not null`),
    uniqueIndex('operations_same_request')
      .on(table.ownerIssuer, table.ownerSubject, clientOf(table), table.fingerprint)
      .where(
        sql`idempotency_key is null and fingerprint is not null and state in ('accepted', 'submitting', 'following')`,
      ),
    index('operations_fingerprint')
      .on(table.fingerprint)
      .where(sql`idempotency_key is null and fingerprint is not null`),
  ],
);

/** What callers can watch of an operation, in its order: states it got into, and how far upstream is. */
export const operationEvents = pgTable(
  'operation_events',
  {
    operationId: uuid('operation_id')
      .notNull()
      .references(() => operations.id),
    /** From 1, without gaps. */
    sequence: integer('sequence').notNull(),
    time: time('time').notNull(),
    event: jsonb('event').$type<OperationEventContent>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.operationId, table.sequence] })],
);

/** A caller without a client is one caller too: to an index one null is not like another. */
export function clientOf({ ownerClientId }: { ownerClientId: AnyPgColumn }): SQL {
  return sql`coalesce(${ownerClientId}, '')`;
}

/** Messages to receivers of webhooks: written with the change they tell of, sent afterwards. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    /** What the receiver knows it by, at every attempt. */
    id: uuid('id').primaryKey(),
    operationId: uuid('operation_id')
      .notNull()
      .references(() => operations.id),
    type: text('type').notNull(),
    /** Which receiver of the configuration; never where it is. */
    receiver: text('receiver').notNull(),
    /** As it is signed and sent; null once it is over. */
    body: text('body'),
    state: text('state').notNull(),
    createdAt: time('created_at').notNull(),
    /** When it may be tried next: while it is being tried, when that attempt is given up for lost. */
    dueAt: time('due_at').notNull(),
    endedAt: time('ended_at'),
    /** Grows with each claim; every later write is guarded by it. */
    attempts: integer('attempts').notNull().default(0),
  },
  (table) => [
    uniqueIndex('webhook_deliveries_event').on(table.operationId, table.type),
    index('webhook_deliveries_due')
      .on(table.dueAt)
      .where(sql`state = 'pending'`),
  ],
);

/** Device codes issued through the gateway, known by a keyed hash only. */
export const deviceCodes = pgTable('device_codes', {
  hash: text('hash').primaryKey(),
  restoreSessionId: uuid('restore_session_id')
    .notNull()
    .references(() => restoreSessions.id),
  /** Upstream's session it was issued in, the only one it works in; empty: one from before this was kept, which works in none. */
  upstreamSessionId: text('upstream_session_id').notNull().default(''),
  ownerIssuer: text('owner_issuer').notNull(),
  ownerSubject: text('owner_subject').notNull(),
  expiresAt: time('expires_at').notNull(),
  usedAt: time('used_at'),
});

/** The API version that `auto` found at the first start with an upstream server, kept until configured otherwise. */
export const upstreamServers = pgTable('upstream_servers', {
  url: text('url').primaryKey(),
  /** In the configuration; its URL may change. Null: kept when servers had no names, and nobody has asked for it since. */
  name: text('name').unique(),
  apiVersion: text('api_version').notNull(),
  detectedAt: time('detected_at').notNull(),
});

/**
 * The audit trail: one hash chain for each writing process. `text` holds the record exactly as it was hashed; the columns
 * after it repeat what lists are filtered by.
 */
export const auditRecords = pgTable(
  'audit_records',
  {
    writer: uuid('writer').notNull(),
    /** From 1, without gaps. */
    seq: bigint('seq', { mode: 'number' }).notNull(),
    /** Hash of the record before. */
    prev: text('prev').notNull(),
    hash: text('hash').notNull(),
    text: text('text').notNull(),
    id: uuid('id').notNull(),
    time: time('time').notNull(),
    action: text('action').notNull(),
    decision: text('decision'),
    actorIssuer: text('actor_issuer'),
    actorSubject: text('actor_subject'),
    onBehalfOfIssuer: text('on_behalf_of_issuer'),
    onBehalfOfSubject: text('on_behalf_of_subject'),
    organization: text('organization'),
    operationId: uuid('operation_id'),
  },
  (table) => [
    primaryKey({ columns: [table.writer, table.seq] }),
    // The first two in the order of lists, so that a page is read from the index and not sorted.
    index('audit_records_time').on(table.time, table.writer, table.seq),
    index('audit_records_organization').on(table.organization, table.time, table.writer, table.seq),
    index('audit_records_actor').on(table.actorSubject, table.time),
    index('audit_records_on_behalf_of')
      .on(table.onBehalfOfSubject, table.time)
      .where(sql`on_behalf_of_subject is not null`),
    index('audit_records_operation')
      .on(table.operationId)
      .where(sql`operation_id is not null`),
  ],
);

/** What was taken out of a chain of the audit trail, from its beginning on, and where it went on record instead. */
export const auditSeals = pgTable(
  'audit_seals',
  {
    writer: uuid('writer').notNull(),
    /** Of the last row that was taken out. */
    seq: bigint('seq', { mode: 'number' }).notNull(),
    hash: text('hash').notNull(),
    /** How many were taken out with it. */
    rows: bigint('rows', { mode: 'number' }).notNull(),
    /** Such as `2026-09`. */
    month: text('month').notNull(),
    /** SHA-256 of the archive file, in hexadecimal. */
    digest: text('digest').notNull(),
    sealedAt: time('sealed_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.writer, table.seq] })],
);

/** Keys that all replicas share, made at random by the migration. */
export const gatewayKeys = pgTable('gateway_keys', {
  name: text('name').primaryKey(),
  /** 32 bytes in hexadecimal. */
  key: text('key').notNull(),
});

/** Which replica pushes the trail to a sink. */
export const auditSinks = pgTable('audit_sinks', {
  name: text('name').primaryKey(),
  holder: uuid('holder').notNull(),
  leaseUntil: time('lease_until').notNull(),
});

/** How far each sink has each chain of the trail: the `seq` of the last record that was delivered. */
export const auditSinkPositions = pgTable(
  'audit_sink_positions',
  {
    sink: text('sink').notNull(),
    writer: uuid('writer').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.sink, table.writer] })],
);
