import { BrokenChainError, SealRefusedError, UnreadableArchiveError, UnreadableHeadError } from '@app/audit';
import { ConfigurationError, loadConfiguration } from '@app/config';
import { StoreUnavailableError } from '@app/problems';

import type { AuditCommand } from './audit-commands/audit-command.js';
import { exportCommand } from './audit-commands/export-command.js';
import { sealCommand } from './audit-commands/seal-command.js';
import { verifyCommand } from './audit-commands/verify-command.js';
import { isArgumentError, UsageError } from './infrastructure/command-line.js';

/*
 * npm run audit -- verify|export|seal. Ends with 0 when the trail is whole, exported or sealed, with 1 when it is broken, and
 * with 2 when that could not be found out or done.
 */

const USAGE = `Usage:
  audit verify [--heads FILE]... [--archive FILE]...
  audit export [--organization NAME]... [--from TIME] [--to TIME] [--action ACTION] [--decision allow|deny]
               [--actor SUBJECT [--issuer ISSUER]] [--operation ID]
  audit seal --month YYYY-MM [--out FILE] [--heads FILE]...
Heads are lines of the service's log or of an export; TIME is as 2026-01-31T12:00:00Z, --to is exclusive. An archive is what
seal has made; it needs DATABASE_OWNER_URL.
`;

const commands = new Map<string | undefined, (args: string[]) => AuditCommand>([
  ['verify', verifyCommand],
  ['export', exportCommand],
  ['seal', sealCommand],
]);

/** What stands in the way in words of its own. */
const explained = [
  ConfigurationError,
  StoreUnavailableError,
  UnreadableHeadError,
  UnreadableArchiveError,
  SealRefusedError,
  BrokenChainError,
];

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  const command = commands.get(name);
  if (command === undefined) throw new UsageError('verify, export or seal?');
  return command(args)(await loadConfiguration());
}

function explain(error: unknown): string {
  if (error instanceof UsageError || isArgumentError(error)) return `${error.message}\n${USAGE}`;
  const known = explained.find((kind) => error instanceof kind);
  if (known !== undefined && error instanceof Error) return error.message;
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `The audit trail could not be read${code}.`;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 2;
}
