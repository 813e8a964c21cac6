import type { ActionResult, Outcome } from '../../model.js';
import { Fields } from '../../wire/fields.js';
import { kept, readIssues, readResults } from './issues.js';

/** The v5 page promises no body, real servers send the counts: nothing at all is as good an answer as they are. */
function readStatistics(body: unknown): Outcome | undefined {
  if (body === undefined || body === null) return undefined;
  const fields = new Fields(body, 'restore statistics');
  const skippedByError = fields.optionalCount('skippedItemsByErrorCount');
  const skippedByNoChanges = fields.optionalCount('skippedItemsByNoChangesCount');
  return {
    total: fields.count('totalItemsCount'),
    restored: fields.count('restoredItemsCount'),
    failed: fields.count('failedItemsCount'),
    skipped: (skippedByError ?? 0) + (skippedByNoChanges ?? 0),
    skippedByError,
    skippedByNoChanges,
    failedRestrictions: fields.optionalCount('failedRestrictionsCount'),
    result: undefined,
    issues: kept(fields.optionalList('restoreIssues').flatMap(readIssues)),
    results: fields.optionalList('restoreIssues').flatMap(readResults),
  };
}

/** The answer of a restore that comes when it has ended (v5 to v7). */
export function readEnded(body: unknown): ActionResult {
  return { kind: 'finished', outcome: readStatistics(body) };
}
