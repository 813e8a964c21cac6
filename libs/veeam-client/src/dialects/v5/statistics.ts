import type { Outcome, OutcomeIssue } from '../../model.js';
import { Fields } from '../../wire/fields.js';

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
    issues: fields.optionalList('restoreIssues').flatMap(readIssues),
  };
}

/** One thing that went wrong upstream may hold an error and any number of warnings: an issue each. */
function readIssues(value: unknown): OutcomeIssue[] {
  const fields = new Fields(value, 'a restore issue');
  const about = { path: fields.optionalString('path'), title: fields.optionalString('title') };
  const error = fields.optionalString('error');
  const warnings = fields.optionalList('warnings').filter((warning) => typeof warning === 'string');
  return [
    ...(error ? [{ ...about, severity: 'error' as const, message: error }] : []),
    ...warnings.map((message) => ({ ...about, severity: 'warning' as const, message })),
  ];
}
