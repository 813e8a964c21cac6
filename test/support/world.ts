import { randomBytes } from 'node:crypto';
import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';

import type { Clock } from '@app/clock';
import { type Configuration, loadConfiguration, reloadConfiguration } from '@app/config';
import { createLogger, Metrics } from '@app/logging';
import { Scrubber } from '@app/secrets';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { stringify } from 'yaml';

import { createApp } from '../../apps/gateway/src/configure-app.js';
import { type SsoSandbox, startSsoSandbox } from '../../apps/sso-sandbox/src/index.js';
import { Conformance } from '../../apps/veeam-sandbox/spec-support/conformance.js';
import { startVeeamSandbox, type VeeamSandbox, type VeeamSandboxOptions } from '../../apps/veeam-sandbox/src/index.js';
import { writeSandboxConfiguration } from '../../scripts/sandbox-configuration.js';
import { type SmtpSink, startSmtpSink } from '../../scripts/smtp-sink.js';
import type { Canary } from './canary.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { canaryOf, watchAuditFiles, watchDocument } from './world-canary.js';

/** The neighbours of a gateway, all real and all on loopback: issuer, backup server, mail server, database. */
export interface Neighbours {
  readonly sso: SsoSandbox;
  readonly veeam: VeeamSandbox;
  readonly smtp: SmtpSink;
  /** Of the account that the backup server is to send its mails by. */
  readonly mailPassword: string;
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
  await layKeys(folder);
  const [sso, database, smtp] = await Promise.all([
    startSsoSandbox({ dataDir: join(folder, 'sso') }),
    createTestDatabase(),
    startSmtpSink({ mailDir: join(folder, 'mail') }),
  ]);
  const veeam = await startVeeamSandbox({
    dataDir: join(folder, 'veeam'),
    smtp: { host: smtp.host, port: smtp.port },
    ...veeamOptions,
  });
  const expectNoDeparture = watchDepartures(veeam, veeamOptions.versions);
  const environment = await writeSandboxConfiguration(folder, {
    databaseUrl: database.url,
    issuer: sso.issuer,
    audience: sso.audience,
    veeam,
  });
  const mailPassword = await addMailServer(environment.GATEWAY_CONFIG ?? '', smtp);
  const canary = await canaryOf({ sso, veeam, database, mailPassword });
  return {
    sso,
    veeam,
    smtp,
    mailPassword,
    database,
    canary,
    environment: { ...environment, LOG_LEVEL: 'trace' },
    close: async () => {
      await Promise.all([sso.close(), veeam.close(), smtp.close()]);
      try {
        await canary.expectNoLeak();
        expectNoDeparture();
      } finally {
        await database.drop();
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Watches whether what the sandbox answers from now on is what VB365 would answer; faults do not count. @returns throws if it was not */
export function watchDepartures({ control }: VeeamSandbox, served?: VeeamSandboxOptions['versions']): () => void {
  const conformance = new Conformance(served);
  const departures = new Set<string>();
  control.onSent((answer) => {
    for (const departure of conformance.check(answer)) departures.add(departure);
  });
  return () => {
    if (departures.size > 0) throw new Error(`The VB365 sandbox departs:\n${[...departures].join('\n')}`);
  };
}

/** Those of this run, where the sandboxes look for their own; without them each would make some. */
async function layKeys(folder: string): Promise<void> {
  const { TEST_KEYS: keys } = process.env;
  if (!keys) throw new Error('Only specs run by jest with its global setup have keys.');
  await cp(keys, folder, { recursive: true });
}

/** To the YAML file. @returns the password of its account */
async function addMailServer(settingsFile: string, { host, port }: SmtpSink): Promise<string> {
  const passwordFile = `${settingsFile}.mail-password`;
  const mailPassword = randomBytes(18).toString('base64url');
  await writeFile(passwordFile, mailPassword);
  const account = { userName: 'mailer', password: { file: passwordFile } };
  const mailServer = { host, port, tls: false, from: 'restore@contoso.onmicrosoft.com', ...account };
  await appendFile(settingsFile, stringify({ mailServer }));
  return mailPassword;
}

export async function startGateway(
  neighbours: Pick<Neighbours, 'environment' | 'canary'>,
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
  const { canary } = neighbours;
  canary.watch('log', () => lines.join('\n'));
  canary.watchServer(app.getHttpServer());
  watchAuditFiles(canary, configuration);
  const beforeClosing = watchDocument(canary, app);
  const metrics = app.get(Metrics);
  canary.watch('metrics', async () => (await metrics.expose()).text);
  await app.listen(0, '127.0.0.1');
  return {
    url: (await app.getUrl()).replace('[::1]', '127.0.0.1'),
    now: () => clock?.now() ?? Date.now(),
    app,
    log: () => lines,
    close: async () => {
      await beforeClosing();
      await app.close();
    },
  };
}
