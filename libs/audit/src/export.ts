import type { Statements } from '@app/store';

import { type AuditFilters, conditionOf } from './audit-filters.js';
import { canonicalJson } from './canonical-json.js';
import type { AuditRow, ChainHead } from './chain.js';
import { readHeads, readRows } from './chain-reader.js';

/**
 * The trail as NDJSON, a page of whole lines at a time: `{"hash", "prev", "record"}` for each row, chain by chain in their
 * order, then `{"head": {writer, seq, hash}}` for each chain, whatever the filters. `record` is the stored text, byte for
 * byte.
 * @throws StoreUnavailableError
 */
export async function* exportLines(statements: Statements, filters: AuditFilters = {}): AsyncGenerator<string> {
  for await (const page of readRows(statements, conditionOf(filters))) {
    yield page.map(lineOf).join('');
  }
  for await (const head of readHeads(statements)) {
    yield headLine(head);
  }
}

export function headLine({ writer, seq, hash }: ChainHead): string {
  return `${JSON.stringify({ head: { writer, seq, hash } })}\n`;
}

/** A text that somebody changed may be anything: it is exported as a string, so that it does not break the lines. */
export function lineOf({ prev, hash, text }: AuditRow): string {
  const member = isCanonical(text) ? `"record":${text}` : `"unreadable":${JSON.stringify(text)}`;
  return `{"hash":${JSON.stringify(hash)},"prev":${JSON.stringify(prev)},${member}}\n`;
}

function isCanonical(text: string): boolean {
  try {
    return canonicalJson(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}
