import type { OutcomeIssue } from '../../model.js';
import { Fields, storable } from '../../wire/fields.js';

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

export function texts(values: readonly unknown[]): string[] {
  return values.filter((value): value is string => typeof value === 'string' && value !== '').map(storable);
}
