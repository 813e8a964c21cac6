import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { Canary } from './canary.js';

export interface CommandAnswer {
  readonly stdout: string;
  readonly stderr: string;
  /** Null when it was killed. */
  readonly code: number | null;
}

export interface CommandOptions {
  /** All of it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What it reads from standard input; default nothing. */
  readonly input?: string;
  readonly folder?: string;
  /** Looks at its arguments and at all that it prints. */
  readonly canary?: Canary | undefined;
}

/** One of the commands of `npm run`, built, as a process. */
export function startCommand(
  name: 'audit' | 'credentials' | 'email-settings',
  args: readonly string[],
  { environment = {}, input = '', folder, canary }: CommandOptions = {},
): { child: ChildProcess; ended: Promise<CommandAnswer> } {
  const command = join(__dirname, `../../dist/apps/gateway/src/${name}-cli.js`);
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // One that ends before it has read all that it was to read.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  canary?.watch('argument', () => child.spawnargs.join(' '));
  const closed = once(child, 'close') as Promise<[number | null]>;
  const ended = Promise.all([text(child.stdout), text(child.stderr), closed]).then(([stdout, stderr, [code]]) => {
    canary?.watch('command', () => `${stdout}\n${stderr}`);
    return { stdout, stderr, code };
  });
  return { child, ended };
}

export function runCommand(...asked: Parameters<typeof startCommand>): Promise<CommandAnswer> {
  return startCommand(...asked).ended;
}
