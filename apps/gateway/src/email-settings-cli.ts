import { emailSettingsCommand } from './email-settings-command.js';
import { processTerminal } from './infrastructure/command-line.js';

process.exitCode = await emailSettingsCommand(process.argv.slice(2), processTerminal);
