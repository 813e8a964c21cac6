import { ConfigurationError } from '@app/config';
import { SecretSourceError } from '@app/secrets';

import { checkCommand } from './credential-commands/check-command.js';
import { convertCommand } from './credential-commands/convert-command.js';
import { isArgumentError, UsageError } from './infrastructure/command-line.js';

/*
 * npm run credentials -- check|convert. Ends with 0 when all can be used, with 1 when something cannot, and with 2 when that could
 * not be found out.
 */

const USAGE = `Usage:
  credentials check
  credentials convert FILE.pfx [--password-file FILE | --no-password]
check opens every secret of the configuration, logs in at the database and the backup server, and prints what came of it. convert prints
the one-line base64 of a PKCS#12 file to standard output, and what is in it to standard error; the password is asked for, or is the first
line of standard input or of the file.
`;

const commands = new Map<string | undefined, (args: string[]) => Promise<number>>([
  ['check', checkCommand],
  ['convert', convertCommand],
]);

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  const command = commands.get(name);
  if (command === undefined) throw new UsageError('check or convert?');
  return command(args);
}

function explain(error: unknown): { text: string; code: number } {
  if (error instanceof UsageError || isArgumentError(error)) return { text: `${error.message}\n${USAGE}`, code: 2 };
  if (error instanceof ConfigurationError) return { text: error.message, code: 1 };
  if (error instanceof SecretSourceError) return { text: `The file ${error.message}.`, code: 1 };
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return { text: `The credentials could not be looked at${code}.`, code: 2 };
}

try {
  process.exitCode = await main();
} catch (error) {
  const { text, code } = explain(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = code;
}
