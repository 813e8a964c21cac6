import { createHash } from 'node:crypto';

import type { auditRecords } from '@app/store';

import type { AuditRecord } from './audit-record.js';
import { canonicalJson } from './canonical-json.js';

/** Where the chain of a writer ends: who holds it can tell later whether anything up to there was lost or changed. */
export interface ChainHead {
  readonly writer: string;
  /** 0 while nothing is written. */
  readonly seq: number;
  /** SHA-256 in hexadecimal, lower case. */
  readonly hash: string;
}

export type AuditRow = typeof auditRecords.$inferSelect;

/** Stands for the hash before the first record. */
export const NO_HASH = '0'.repeat(64);

export function emptyChain(writer: string): ChainHead {
  return { writer, seq: 0, hash: NO_HASH };
}

/** SHA-256 over the hash before, as 64 hexadecimal digits, followed by the stored text, both in UTF-8. */
export function chainHash(prev: string, text: string): string {
  return createHash('sha256').update(prev).update(text).digest('hex');
}

/** The row that follows `head`. */
export function link(head: ChainHead, record: Omit<AuditRecord, 'writer' | 'seq'>): AuditRow {
  const { writer } = head;
  const seq = head.seq + 1;
  const linked = { ...record, writer, seq };
  const text = canonicalJson(linked);
  return { ...columnsOf(linked), prev: head.hash, hash: chainHash(head.hash, text), text };
}

/** What the columns beside the text must say. */
export function columnsOf(record: AuditRecord): Omit<AuditRow, 'prev' | 'hash' | 'text'> {
  return {
    writer: record.writer,
    seq: record.seq,
    id: record.id,
    time: new Date(record.time),
    action: record.action,
    decision: record.decision ?? null,
    actorIssuer: record.actor?.issuer ?? null,
    actorSubject: record.actor?.subject ?? null,
    onBehalfOfIssuer: record.onBehalfOf?.issuer ?? null,
    onBehalfOfSubject: record.onBehalfOf?.subject ?? null,
    organization: record.organization ?? null,
    operationId: record.operationId ?? null,
  };
}
