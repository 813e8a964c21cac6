import { parseArgs } from 'node:util';

import {
  checkArchive,
  type ChainFault,
  type ChainHead,
  ExportedHeads,
  headsOf,
  linesOf,
  readSeals,
  type UncoveredRows,
  type Verification,
  verify,
} from '@app/audit';
import { SystemClock } from '@app/clock';
import { Database } from '@app/store';

import { print, UsageError } from '../infrastructure/command-line.js';
import { type AuditCommand, BROKEN, PATIENCE_MS, WHOLE } from './audit-command.js';

const faults: Record<ChainFault['fault'], string> = {
  missing: 'is missing',
  inserted: 'was inserted',
  'not-linked': 'does not follow the row before: one of the two was exchanged or written anew',
  changed: 'was changed',
  'column-changed': 'has a column that is not as its text says',
  'not-as-exported': 'is not the one whose head was exported: the chain was written anew',
  'after-end': 'comes after the one that ended the chain: it was inserted',
  'tail-missing': 'is missing, and all after it: a later head was exported',
  'seal-not-joined': 'is in no seal, though later rows are: a seal was changed or is gone',
  'not-as-sealed': 'is in a file that is not the one that was sealed',
};

export function verifyCommand(args: string[]): AuditCommand {
  const several = { type: 'string', multiple: true } as const;
  const { values } = parseArgs({ args, options: { heads: several, archive: several } });
  return async (configuration) => {
    const database = new Database({ ...configuration.database, patienceMs: PATIENCE_MS });
    try {
      const heads = await ExportedHeads.of(headsIn(values.heads ?? []));
      const archivesHold = await verifyArchives(database, values.archive ?? [], heads);
      const trailHolds = await verifyTrail(database, heads);
      return archivesHold && trailHolds ? WHOLE : BROKEN;
    } finally {
      await database.close();
    }
  };
}

/** @returns whether the trail is whole; it is printed as well */
export async function verifyTrail(database: Database, heads: ExportedHeads): Promise<boolean> {
  const result = await verify(database, { clock: new SystemClock(), heads });
  result.faults.forEach(printFault);
  result.uncovered.forEach(printUncovered);
  printCounts(result);
  const isWhole = result.faults.length === 0;
  print(isWhole ? 'The trail is whole.' : `Broken chains: ${result.faults.length}.`);
  return isWhole;
}

async function verifyArchives(database: Database, files: readonly string[], heads: ExportedHeads): Promise<boolean> {
  if (files.length === 0) return true;
  const seals = await database.run(readSeals);
  let isWhole = true;
  for (const file of files) {
    const result = await checkArchive(file, seals, heads);
    // More likely the wrong file than a reason to be content.
    if (result.rows === 0) throw new UsageError(`${file} holds no records.`);
    result.faults.forEach((fault) => {
      printFault(fault, file);
    });
    const isAsSealed = result.faults.length === 0;
    print(`${file}: ${result.rows} rows with ${result.seals} seals, ${isAsSealed ? 'as they were sealed' : 'broken'}.`);
    isWhole &&= isAsSealed;
  }
  return isWhole;
}

function printFault({ writer, seq, fault, column }: ChainFault, file?: unknown): void {
  const where = typeof file === 'string' ? `${file}: ` : '';
  print(`${where}Chain ${writer}: row ${seq} ${faults[fault]}${column === undefined ? '' : ` (${column})`}.`);
}

function printUncovered({ writer, from, to, isAll }: UncoveredRows): void {
  const [start, end] = [from, to].map(({ seq, time }) => `${seq} (${time.toISOString()})`);
  const what = isAll ? 'No head of this chain was exported' : 'The last head that was exported is from before';
  print(`Chain ${writer}: rows ${start} to ${end} are covered by no head. ${what}.`);
}

function printCounts({ writers, rows, rowsPerSecond, headsCompared, seals }: Verification): void {
  print(`${rows} rows of ${writers} chains, ${rowsPerSecond} rows/s, compared with ${headsCompared} exported heads.`);
  if (seals > 0) print(`What lies before ${seals} seals is in their archives; --archive checks those.`);
}

/**
 * A file without heads is more likely the wrong file than a reason to be content.
 * @throws UsageError, UnreadableHeadError
 */
export async function* headsIn(files: readonly string[]): AsyncGenerator<ChainHead> {
  for (const file of files) {
    let count = 0;
    for await (const head of headsOf(linesOf(file))) {
      count++;
      yield head;
    }
    if (count === 0) throw new UsageError(`${file} holds no heads.`);
  }
}
