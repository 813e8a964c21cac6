import { type BackupServerConfiguration, type Configuration, ConfigurationError, loadConfiguration } from '@app/config';
import { DomainError } from '@app/problems';
import { Database } from '@app/store';
import type { VeeamClient } from '@app/veeam-client';

import { commandClient } from './infrastructure/command-client.js';
import { type Terminal, UsageError } from './infrastructure/command-line.js';

/*
 * npm run email-settings -- check|apply. Ends with 0 when every backup server can send mail, with 1 when one cannot, and with 2 when that
 * could not be found out or changed of one.
 */

const USAGE = `Usage:
  email-settings check   says whether the backup server can send mail, and what is missing
  email-settings apply   has it send by the mailServer of the configuration, whatever it did before, and checks
`;

const READY = 0;
const NOT_READY = 1;
const UNKNOWN = 2;

async function check(client: VeeamClient, { print }: Terminal): Promise<number> {
  const { isReady, missing } = await client.emailReadiness();
  print(isReady ? 'The backup server can send mail.' : 'The backup server cannot send mail:');
  missing.forEach(({ explorer, setting, message }) => {
    print(`  ${explorer}.${setting}: ${message}`);
  });
  return isReady ? READY : NOT_READY;
}

async function apply(client: VeeamClient, terminal: Terminal, { mailServer }: Configuration): Promise<number> {
  if (mailServer === undefined) throw new UsageError('The configuration names no mailServer.');
  const { host: server, port, from, usesTls, login } = mailServer;
  const changed = await client.changeEmailSettings({
    server,
    port,
    from,
    usesTls,
    login: login && { userName: login.userName, password: login.password.current },
  });
  terminal.print(`Changed: ${changed.join(', ')}.`);
  return check(client, terminal);
}

type Command = (client: VeeamClient, terminal: Terminal, configuration: Configuration) => Promise<number>;

const commands = new Map<string | undefined, Command>([
  ['check', check],
  ['apply', apply],
]);

/** @returns the exit code; never rejects */
export async function emailSettingsCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(args, terminal);
  } catch (error) {
    terminal.complain(explain(error));
    return UNKNOWN;
  }
}

async function run([name, ...rest]: readonly string[], terminal: Terminal): Promise<number> {
  const command = commands.get(name);
  if (command === undefined || rest.length > 0) throw new UsageError('check or apply?');
  const configuration = await loadConfiguration(terminal.environment);
  const database = new Database(configuration.database);
  try {
    let worst = READY;
    for (const server of configuration.backupServers) {
      worst = Math.max(worst, await onServer(server, command, terminal, { configuration, database }));
    }
    return worst;
  } finally {
    await database.close();
  }
}

async function onServer(
  server: BackupServerConfiguration,
  command: Command,
  terminal: Terminal,
  { configuration, database }: { readonly configuration: Configuration; readonly database: Database },
): Promise<number> {
  if (configuration.backupServers.length > 1) terminal.print(`${server.name}:`);
  const client = commandClient(server, configuration, database);
  try {
    return await command(client, terminal, configuration);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    // The other servers are no worse for it.
    terminal.complain(explain(error));
    return UNKNOWN;
  } finally {
    await client.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n${USAGE}`;
  if (error instanceof ConfigurationError || error instanceof DomainError) return error.message;
  return 'The settings could not be read.';
}
