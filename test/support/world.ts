import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';

import type { Clock } from '@app/clock';
import { type Configuration, loadConfiguration, reloadConfiguration } from '@app/config';
import { createLogger, Metrics } from '@app/logging';
import { Scrubber } from '@app/secrets';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { createApp } from '../../apps/gateway/src/configure-app.js';
import { type SsoSandbox, startSsoSandbox } from '../../apps/sso-sandbox/src/index.js';
import {
  type ReceivedRequest,
  startVeeamSandbox,
  type VeeamSandbox,
  type VeeamSandboxOptions,
} from '../../apps/veeam-sandbox/src/index.js';
import { writeSandboxConfiguration } from '../../scripts/sandbox-configuration.js';
import { type SmtpSink, startSmtpSink } from '../../scripts/smtp-sink.js';
import { Canary, type Sink } from './canary.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

/** The neighbours of a gateway, all real and all on loopback: issuer, backup server, mail server, database. */
export interface Neighbours {
  readonly sso: SsoSandbox;
  readonly veeam: VeeamSandbox;
  readonly smtp: SmtpSink;
  readonly database: TestDatabase;
  /** Fails the spec at `close` when one of their secrets has turned up where it does not belong. */
  readonly canary: Canary;
  /** What a gateway beside them is configured with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

/** One gateway as callers see it. */
export interface Gateway {
  readonly url: string;
  /** By the gateway's own clock, which may stand still while tests go on, ms. */
  readonly now: () => number;
  readonly app: NestFastifyApplication;
  /** Its log so far, one JSON line each. */
  readonly log: () => readonly string[];
  readonly close: () => Promise<void>;
}

export interface World extends Neighbours {
  readonly gateway: Gateway;
}

export interface GatewayOptions {
  readonly clock?: Clock;
  /** Instead of, or beside, what the neighbours say. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly adjust?: (configuration: Configuration) => Configuration;
  /** Called before the application registers its routes. */
  readonly prepare?: (app: NestFastifyApplication) => void;
}

/** The neighbours and one gateway between them. */
export async function startWorld(
  options: GatewayOptions & { veeam?: Partial<VeeamSandboxOptions> } = {},
): Promise<World> {
  const neighbours = await startNeighbours(options.veeam);
  const gateway = await startGateway(neighbours, options);
  return {
    ...neighbours,
    gateway,
    close: async () => {
      await gateway.close();
      await neighbours.close();
    },
  };
}

export async function startNeighbours(veeamOptions: Partial<VeeamSandboxOptions> = {}): Promise<Neighbours> {
  const folder = await mkdtemp(join(tmpdir(), 'restore-gateway-'));
  const [sso, database, smtp] = await Promise.all([
    startSsoSandbox(),
    createTestDatabase(),
    startSmtpSink({ mailDir: join(folder, 'mail') }),
  ]);
  const veeam = await startVeeamSandbox({
    dataDir: join(folder, 'veeam'),
    smtp: { host: smtp.host, port: smtp.port },
    ...veeamOptions,
  });
  const environment = await writeSandboxConfiguration(folder, {
    databaseUrl: database.url,
    issuer: sso.issuer,
    audience: sso.audience,
    veeam,
  });
  const canary = await canaryOf({ sso, veeam, database });
  return {
    sso,
    veeam,
    smtp,
    database,
    canary,
    environment: { ...environment, LOG_LEVEL: 'trace' },
    close: async () => {
      await Promise.all([sso.close(), veeam.close(), smtp.close()]);
      try {
        await canary.expectNoLeak();
      } finally {
        await database.drop();
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

function sinkOf({ route, action }: ReceivedRequest): Sink {
  if (route === 'token') return 'upstream-login';
  return action === 'restore' || action === 'copy' ? 'upstream-action' : 'upstream';
}

/** Every secret there is among them, and all that upstream and the database get. */
async function canaryOf({ sso, veeam, database }: Pick<Neighbours, 'sso' | 'veeam' | 'database'>): Promise<Canary> {
  const canary = new Canary();
  canary.knows('the Veeam password', veeam.password, 'upstream-login');
  canary.knows('the restore password', veeam.restorePassword, 'upstream-action');
  canary.knows('the certificate', (await readFile(veeam.certificateFile)).toString('base64'), 'upstream-action');
  canary.knows('the password of the certificate', veeam.certificatePassword, 'upstream-action');
  for (const url of [database.url, database.ownerUrl]) canary.knows('a database password', new URL(url).password);

  const token = sso.token.bind(sso);
  Object.defineProperty(sso, 'token', {
    value: async (...asked: Parameters<SsoSandbox['token']>) => {
      const issued = await token(...asked);
      // The signature makes it a token; the rest is no secret.
      canary.knows("a caller's token", issued.slice(issued.lastIndexOf('.') + 1));
      return issued;
    },
  });
  const { control } = veeam;
  control.onIssued((kind, value) => {
    if (kind === 'device-code') canary.knows('a device code', value, 'response', 'upstream-action', 'upstream');
    else canary.knows("a token of upstream's", value, 'upstream-login');
  });
  const received: ReceivedRequest[] = [];
  control.onReceived((request) => received.push(request));
  for (const sink of ['upstream-login', 'upstream-action', 'upstream'] as const) {
    canary.watch(sink, () => JSON.stringify(received.filter((request) => sinkOf(request) === sink)));
  }
  canary.watchDatabase(database.ownerUrl);
  return canary;
}

export async function startGateway(
  neighbours: Pick<Neighbours, 'environment'> & Partial<Pick<Neighbours, 'canary'>>,
  options: GatewayOptions = {},
): Promise<Gateway> {
  const { clock, adjust = (configuration) => configuration } = options;
  const environment = { ...neighbours.environment, ...options.environment };
  const reload = async () => adjust(await reloadConfiguration(environment));
  const configuration = adjust(await loadConfiguration(environment));
  const lines: string[] = [];
  const scrubber = new Scrubber();
  configuration.secrets.forEach((source) => {
    scrubber.follow(source);
  });
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(...chunk.toString().trimEnd().split('\n'));
      done();
    },
  });
  const logger = createLogger({ level: configuration.logLevel, scrubber, destination });
  const app = await createApp(configuration, { logger, reload, ...(clock && { clock }) });
  options.prepare?.(app);
  neighbours.canary?.watch('log', () => lines.join('\n'));
  neighbours.canary?.watchServer(app.getHttpServer());
  const metrics = app.get(Metrics);
  neighbours.canary?.watch('metrics', async () => (await metrics.expose()).text);
  await app.listen(0, '127.0.0.1');
  return {
    url: (await app.getUrl()).replace('[::1]', '127.0.0.1'),
    now: () => clock?.now() ?? Date.now(),
    app,
    log: () => lines,
    close: () => app.close(),
  };
}
