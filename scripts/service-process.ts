import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { LastLines } from './last-lines.js';
import { stopWithThisProcess } from './stop-with-this-process.js';

export interface ServiceOptions {
  /** How messages call it, such as `gateway`. */
  readonly name: string;
  readonly entry: string;
  /** The whole environment, but for what every program needs (`PATH`, `HOME` and so on). */
  readonly environment: Readonly<Record<string, string>>;
  /** Takes what the service says. */
  readonly logFile: string;
}

/** Time to finish what is under way after SIGTERM, ms; then SIGKILL. */
const STOP_PATIENCE_MS = 15_000;
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'];

/** As `start:prod` has it: with a small nursery the garbage of streams is collected before it piles up. */
const NODE_FLAGS = ['--max-semi-space-size=2'];

/** One of our Node.js programs, as a process of its own that does not outlive this one. */
export class ServiceProcess {
  /** Rejects, with its last words, should the service end before it is stopped. */
  readonly died: Promise<never>;
  private readonly exited: Promise<unknown>;
  private readonly callOff: () => void;
  private isStopping = false;

  private constructor(
    private readonly options: ServiceOptions,
    private readonly child: ChildProcess,
    private readonly log: LastLines,
  ) {
    this.exited = once(child, 'close');
    this.callOff = stopWithThisProcess(child, 'TERM');
    this.died = this.exited.then(() => {
      this.callOff();
      return this.isStopping ? new Promise<never>(() => undefined) : this.failWithLastWords();
    });
    this.died.catch(() => undefined);
  }

  static start(options: ServiceOptions): ServiceProcess {
    if (!existsSync(options.entry)) {
      throw new Error(`${basename(options.entry)} of the ${options.name} is not built: run npm run build first.`);
    }
    const inherited = Object.fromEntries(INHERITED.map((name) => [name, process.env[name]]));
    const child = spawn(process.execPath, [...NODE_FLAGS, options.entry], {
      // Without a DATABASE_URL or VEEAM_URL that the shell may hold for another purpose.
      env: { ...inherited, ...options.environment },
      // Detached: Ctrl-C goes to the whole foreground group, and the gateway has to end before its neighbours do.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = new LastLines();
    const file = createWriteStream(options.logFile, { mode: 0o600 });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        log.add(chunk);
        file.write(chunk);
      });
    }
    child.once('close', () => file.end());
    return new ServiceProcess(options, child, log);
  }

  /** The facts that the service prints as one JSON line when it is up. */
  async readyFacts<Facts extends object>(): Promise<Facts> {
    const lines = this.child.stdout && createInterface({ input: this.child.stdout });
    const firstJson = new Promise<Facts>((resolve) => {
      lines?.on('line', (line) => {
        if (line.startsWith('{')) resolve(JSON.parse(line) as Facts);
      });
    });
    return await Promise.race([firstJson, this.died]);
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.child.kill('SIGTERM');
    const impatience = setTimeout(() => this.child.kill('SIGKILL'), STOP_PATIENCE_MS);
    await this.exited;
    clearTimeout(impatience);
  }

  private failWithLastWords(): never {
    const { exitCode, signalCode } = this.child;
    const how = signalCode ? `was ended by ${signalCode}` : `ended with exit code ${exitCode ?? 'unknown'}`;
    throw new Error(
      `${this.log.toString()}\n\nThe ${this.options.name} ${how}; its whole log is ${this.options.logFile}.`,
    );
  }
}
