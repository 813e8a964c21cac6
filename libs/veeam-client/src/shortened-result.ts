import type { ActionResult } from './model.js';

/** Upstream told of more that went wrong than is kept, and of single items nothing is known. */
export function withoutIssues(result: ActionResult): ActionResult {
  if (result.kind !== 'finished' || result.outcome === undefined) return result;
  const message = 'The backup server told more of single items than is kept; only its counts are.';
  const issue = { path: undefined, title: undefined, severity: 'warning' as const, message };
  return { ...result, outcome: { ...result.outcome, issues: [issue] } };
}
