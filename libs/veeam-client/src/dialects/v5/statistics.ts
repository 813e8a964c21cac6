import type { Outcome } from '../../model.js';
import { Fields } from '../../wire/fields.js';
import { readIssues, readResults } from '../shared/issues.js';

/** The v5 page promises no body, real servers send the counts: nothing at all is as good an answer as they are. */
export function readStatistics(body: unknown): Outcome | undefined {
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
    issues: fields.optionalList('restoreIssues').flatMap(readIssues),
    results: fields.optionalList('restoreIssues').flatMap(readResults),
  };
}
