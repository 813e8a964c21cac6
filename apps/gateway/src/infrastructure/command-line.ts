/** Of the command line; the usage is shown with it. */
export class UsageError extends Error {}

/** What a command is run with, and where its words go. */
export interface Terminal {
  /** That of the process when absent. */
  readonly environment?: Readonly<Record<string, string>>;
  /** To standard output. */
  readonly print: (line: string) => void;
  /** To standard error. */
  readonly complain: (line: string) => void;
}

export const processTerminal: Terminal = {
  print,
  complain: (line) => {
    process.stderr.write(`${line}\n`);
  },
};

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What `parseArgs` of node:util throws. */
export function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
