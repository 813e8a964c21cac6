import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { freePort } from '../../scripts/free-port.js';
import type { Neighbours } from './world.js';

const root = join(__dirname, '../..');

/** Bytes. */
export interface Memory {
  readonly rss: number;
  /** Buffers and what else lies outside of V8's heap. */
  readonly external: number;
}

export interface Measurement {
  readonly current: Memory;
  /** Highest since `forgetPeak`, looked at every 20 ms. */
  readonly peak: Memory;
  /** Bytes that the gateway took from its connections for downloads and actions so far, without what TLS adds. */
  readonly upstreamBytesRead: number;
}

/** The built gateway as a process of its own, run with the options that production runs it with. */
export interface GatewayProcess {
  readonly url: string;
  readonly port: number;
  readonly measure: () => Promise<Measurement>;
  readonly forgetPeak: () => Promise<Measurement>;
  readonly close: () => Promise<void>;
  /** Ends it at once, as a machine that fails does. */
  readonly kill: () => Promise<void>;
  /** Stops its clock and all it does, as a machine does that is moved or out of memory; nobody who talks to it is told. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Its log so far, one JSON line each. */
  readonly log: () => readonly string[];
}

/** Time to end after SIGTERM, ms. */
const STOP_PATIENCE_MS = 10_000;

/**
 * @param environment instead of, or beside, what the neighbours say
 * @param options of Node.js
 */
export async function startGatewayProcess(
  neighbours: Pick<Neighbours, 'environment' | 'canary'>,
  environment: Readonly<Record<string, string>> = {},
  options: readonly string[] = [],
): Promise<GatewayProcess> {
  const port = await freePort();
  const managementPort = await freePort();
  const child = spawn(
    process.execPath,
    [
      // Garbage of streams is collected before it piles up.
      '--max-semi-space-size=2',
      ...options,
      '--import',
      join(root, 'test/support/memory-probe.mjs'),
      join(root, 'dist/apps/gateway/src/main.js'),
    ],
    {
      env: {
        PATH: process.env.PATH,
        ...neighbours.environment,
        LOG_LEVEL: 'info',
        PORT: String(port),
        MANAGEMENT_PORT: String(managementPort),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit').then(() => process.off('exit', kill));
  const said: string[] = [];
  neighbours.canary.watch('log', () => said.join('\n'));
  neighbours.canary.watch('argument', () => child.spawnargs.join(' '));
  const shown = { openapi: '', metrics: '' };
  neighbours.canary.watch('openapi', () => shown.openapi);
  neighbours.canary.watch('metrics', () => shown.metrics);
  const look = async () => {
    shown.openapi = await textOf(`http://127.0.0.1:${port}/openapi.json`);
    shown.metrics = await textOf(`http://127.0.0.1:${managementPort}/metrics`);
  };
  await ready(child, exited, said);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    measure: () => ask(child, 'measure'),
    forgetPeak: () => ask(child, 'forget-peak'),
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) await look();
      child.kill('SIGTERM');
      const impatience = setTimeout(kill, STOP_PATIENCE_MS);
      await exited;
      clearTimeout(impatience);
    },
    kill: async () => {
      kill();
      await exited;
    },
    pause: () => {
      child.kill('SIGSTOP');
    },
    resume: () => {
      child.kill('SIGCONT');
    },
    log: () => said,
  };
}

/** @param said is added to, line by line, for as long as the process lives */
async function ready(child: ChildProcess, exited: Promise<unknown>, said: string[]): Promise<void> {
  const isReady = new Promise<'ready'>((resolve) => {
    if (!child.stdout) throw new Error('The gateway has no output.');
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      if (line.includes('ready for requests')) resolve('ready');
    });
  });
  if ((await Promise.race([isReady, exited])) !== 'ready') {
    throw new Error(`The gateway did not start:\n${said.join('\n')}`);
  }
}

async function ask(child: ChildProcess, question: string): Promise<Measurement> {
  const answer = once(child, 'message') as Promise<[Measurement]>;
  child.send(question);
  return (await answer)[0];
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(STOP_PATIENCE_MS) });
  return response.text();
}
