import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemCodes } from './problem-codes.js';

const page = readFileSync(join(__dirname, '../../../docs/problems.md'), 'utf8');

/** Rows such as "| `not-found` | 404 | ... | ... |". */
const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` +\| (\d{3}) +\| (.+?) +\| (.+?) +\|$/gm)];

describe('docs/problems.md', () => {
  it('explains every problem code exactly once', () => {
    expect(rows.map(([, code]) => code).sort()).toEqual(Object.keys(problemCodes).sort());
  });

  it('gives the status of each code', () => {
    const documented = Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)]));
    const actual = Object.fromEntries(Object.entries(problemCodes).map(([code, { status }]) => [code, status]));
    expect(documented).toEqual(actual);
  });

  it.each(rows.map(([, code, , happened, next]) => ({ code, happened, next })))(
    'says of $code what happened and what to do',
    ({ happened = '', next = '' }) => {
      expect(happened.length).toBeGreaterThan(20);
      expect(next.length).toBeGreaterThan(15);
    },
  );
});
