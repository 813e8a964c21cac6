import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

import {
  type AuditAction,
  auditActions,
  type AuditFilters,
  type ChainFault,
  type ChainHead,
  exportLines,
  headsOf,
  UnreadableHeadError,
  verify,
} from '@app/audit';
import { SystemClock } from '@app/clock';
import { ConfigurationError, loadConfiguration } from '@app/config';
import { StoreUnavailableError } from '@app/problems';
import { Database } from '@app/store';

/*
 * npm run audit -- verify|export. Ends with 0 when the trail is whole or exported, with 1 when it is broken, and with 2 when
 * that could not be found out.
 */

const USAGE = `Usage:
  audit verify [--heads FILE]...
  audit export [--organization NAME]... [--from TIME] [--to TIME] [--action ACTION] [--decision allow|deny]
               [--actor SUBJECT [--issuer ISSUER]] [--operation ID]
FILE holds heads as lines of the service's log or of an export; TIME is as 2026-01-31T12:00:00Z, --to is exclusive.
`;

class UsageError extends Error {}

const faults: Record<ChainFault['fault'], string> = {
  missing: 'is missing',
  inserted: 'was inserted',
  'not-linked': 'does not follow the row before: one of the two was exchanged or written anew',
  changed: 'was changed',
  'column-changed': 'has a column that is not as its text says',
  'not-as-exported': 'is not the one whose head was exported: the chain was written anew',
  'tail-missing': 'is missing, and all after it: a later head was exported',
};

async function main(): Promise<number> {
  const [command, ...args] = process.argv.slice(2);
  const work = command === 'verify' ? verifying(args) : command === 'export' ? exporting(args) : undefined;
  if (work === undefined) throw new UsageError('verify or export?');
  const configuration = await loadConfiguration();
  const database = new Database(configuration.database);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

function verifying(args: string[]): (database: Database) => Promise<number> {
  const { values } = parseArgs({ args, options: { heads: { type: 'string', multiple: true } } });
  return async (database) => {
    const result = await verify(database, { clock: new SystemClock(), heads: headsIn(values.heads ?? []) });
    for (const { writer, seq, fault, column } of result.faults) {
      print(`Chain ${writer}: row ${seq} ${faults[fault]}${column === undefined ? '' : ` (${column})`}.`);
    }
    const { writers, rows, rowsPerSecond, headsCompared } = result;
    print(`${rows} rows of ${writers} chains, ${rowsPerSecond} rows/s, compared with ${headsCompared} exported heads.`);
    print(result.faults.length === 0 ? 'The trail is whole.' : `Broken chains: ${result.faults.length}.`);
    return result.faults.length === 0 ? 0 : 1;
  };
}

/** A file without heads is more likely the wrong file than a reason to be content. */
async function* headsIn(files: readonly string[]): AsyncGenerator<ChainHead> {
  for (const file of files) {
    let count = 0;
    for await (const head of headsOf(createInterface({ input: createReadStream(file) }))) {
      count++;
      yield head;
    }
    if (count === 0) throw new UsageError(`${file} holds no heads.`);
  }
}

function exporting(args: string[]): (database: Database) => Promise<number> {
  const one = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      organization: { type: 'string', multiple: true },
      ...{ from: one, to: one, action: one, decision: one, actor: one, issuer: one, operation: one },
    },
  });
  const { organization, decision, actor, issuer } = values;
  if (decision !== undefined && decision !== 'allow' && decision !== 'deny') throw new UsageError('--decision?');
  if (issuer !== undefined && actor === undefined) throw new UsageError('--issuer goes with --actor.');
  const filters: AuditFilters = {
    scope: organization && { organizations: organization.map((name) => name.toLowerCase()), includesNone: false },
    from: timeOf(values.from),
    to: timeOf(values.to),
    action: actionOf(values.action),
    decision,
    actor: actor === undefined ? undefined : { subject: actor, issuer },
    operationId: idOf(values.operation),
  };
  return async (database) => {
    await pipeline(Readable.from(exportLines(database, filters)), process.stdout);
    return 0;
  };
}

function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new UsageError(`${text} is no time.`);
  return time;
}

function idOf(text: string | undefined): string | undefined {
  // PostgreSQL would refuse anything else, in words that explain nothing.
  if (text !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new UsageError('--operation is the id of an operation.');
  }
  return text;
}

function actionOf(text: string | undefined): AuditAction | undefined {
  if (text === undefined) return undefined;
  const action = auditActions.find((known) => known === text);
  if (action === undefined) throw new UsageError(`--action is one of ${auditActions.join(', ')}.`);
  return action;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function explain(error: unknown): string {
  if (error instanceof UsageError || isArgumentError(error)) return `${error.message}\n${USAGE}`;
  if (error instanceof ConfigurationError || error instanceof StoreUnavailableError) return error.message;
  if (error instanceof UnreadableHeadError) return error.message;
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `The audit trail could not be read${code}.`;
}

function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 2;
}
