import type { ItemResult, OutcomeIssue } from '../../model.js';
import { Fields, lower, storable } from '../../wire/fields.js';

/** Of an outcome; it is stored, and shown in every list of operations. */
const MOST_ISSUES = 1_000;

/** The first thousand, and how many more there were. */
export function kept(issues: readonly OutcomeIssue[]): readonly OutcomeIssue[] {
  const more = issues.length - MOST_ISSUES;
  if (more <= 0) return issues;
  const severity = issues.some((issue) => issue.severity === 'error') ? 'error' : 'warning';
  const message = `The backup server told of ${more} issues more.`;
  return [...issues.slice(0, MOST_ISSUES), { path: undefined, title: undefined, severity, message }];
}

/** One thing that went wrong upstream may hold an error and any number of warnings: an issue each. */
export function readIssues(value: unknown): OutcomeIssue[] {
  const fields = new Fields(value, 'a restore issue');
  const about = { path: fields.optionalString('path'), title: fields.optionalString('title') };
  const error = fields.optionalString('error');
  return [
    ...(error ? [{ ...about, severity: 'error' as const, message: error }] : []),
    ...texts(fields.optionalList('warnings')).map((message) => ({ ...about, severity: 'warning' as const, message })),
  ];
}

/** By the item's own status (v8), or that it has an error; of what has neither, nothing is said. */
export function readResults(value: unknown): ItemResult[] {
  const fields = new Fields(value, 'a restored item');
  const itemId = fields.optionalString('id');
  const status = states[lower(fields.optionalString('status') ?? '')];
  const state = status ?? (fields.optionalString('error') ? 'failed' : undefined);
  return itemId === undefined || state === undefined ? [] : [{ itemId, state }];
}

const states: Readonly<Record<string, ItemResult['state'] | undefined>> = {
  success: 'succeeded',
  warning: 'succeeded',
  failed: 'failed',
  skipped: 'skipped',
};

export function texts(values: readonly unknown[]): string[] {
  return values.filter((value): value is string => typeof value === 'string' && value !== '').map(storable);
}
