import type { Outcome, OutcomeIssue } from '../../model.js';
import { Fields } from '../../wire/fields.js';
import { kept, readIssues, readResults, texts } from '../shared/issues.js';

/** Why items were skipped is not told apart any more, and permissions that could not be restored are not counted. */
export function readStatistics(body: unknown): Omit<Outcome, 'result'> {
  const fields = new Fields(body, 'restore statistics');
  const ofItems = fields.optionalList('items').flatMap((item) => readItemIssues(item, MAX_DEPTH));
  // Texts of items may stand in the lists of the whole as well, where it is not said whose they are.
  const told = new Set(ofItems.map(({ severity, message }) => `${severity} ${message}`));
  const ofTheWhole = (severity: OutcomeIssue['severity'], member: string) =>
    texts(fields.optionalList(member))
      .filter((text) => !told.has(`${severity} ${text}`))
      .map((message) => ({ path: undefined, title: undefined, severity, message }));
  return {
    total: fields.count('totalItemsCount'),
    restored: fields.count('restoredItemsCount'),
    failed: fields.count('failedItemsCount'),
    skipped: fields.count('skippedItemsCount'),
    skippedByError: undefined,
    skippedByNoChanges: undefined,
    failedRestrictions: undefined,
    issues: kept([...ofTheWhole('error', 'errors'), ...ofTheWhole('warning', 'warnings'), ...ofItems]),
    results: fields.optionalList('items').flatMap(readResults),
  };
}

/** Items of a bulk restore hold items; nothing that upstream restores holds more levels than these. */
const MAX_DEPTH = 8;

function readItemIssues(value: unknown, depth: number): OutcomeIssue[] {
  if (depth === 0) return [];
  const children = new Fields(value, 'a restored item').optionalList('childItems');
  return [...readIssues(value), ...children.flatMap((child) => readItemIssues(child, depth - 1))];
}
