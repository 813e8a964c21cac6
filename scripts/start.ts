import { migrate } from '@app/store';
import { Secret } from '@app/secrets';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmbeddedDatabase } from './embedded-database.js';
import { guide } from './guide.js';
import { writeSandboxConfiguration, type SandboxFacts } from './sandbox-configuration.js';
import { ServiceProcess } from './service-process.js';
import { startSmtpSink } from './smtp-sink.js';
import { readStartSettings, type StartSettings } from './start-settings.js';

/*
 * npm start: a whole company on this machine. PostgreSQL, a mail server, the sandboxes of the backup server and of the
 * SSO, and the gateway between them, each but the mail server as a process of its own.
 */

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const READY_PATIENCE_MS = 60_000;

/** How to stop what runs, in the order it was started in. */
const running: (() => Promise<unknown>)[] = [];
let isStopping = false;
let stoppingSince = 0;

async function stop(exitCode: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  stoppingSince = Date.now();
  for (const stopOne of running.reverse())
    await stopOne().catch((error: unknown) => {
      console.error(error);
    });
  process.exit(exitCode);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (isStopping) {
      // A second Ctrl-C is impatience, and what still runs ends with this process. npm passes the first one on as well.
      if (Date.now() - stoppingSince > 1_000) process.exit(1);
      return;
    }
    console.log('\nStopping.');
    void stop(0);
  });
}

try {
  process.chdir(root);
  await refuseSecondRun(join(root, '.sandbox/ready.json'));
  await run(await readStartSettings(root, process.env));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await stop(1);
}

async function run(settings: StartSettings): Promise<never> {
  const { sandboxDir } = settings;
  const mailDir = join(sandboxDir, 'mail');
  const readyFile = join(sandboxDir, 'ready.json');
  await rm(readyFile, { force: true });

  const [database, smtp] = await Promise.all([startDatabase(settings), startMail(mailDir)]);
  const [sso, veeam] = await Promise.all([startSso(settings), startVeeam(settings, smtp.port)]);

  const gatewayUrl = `http://127.0.0.1:${settings.gatewayPort}`;
  const environment = await writeSandboxConfiguration(sandboxDir, {
    databaseUrl: database.serviceUrl,
    issuer: sso.facts.issuer,
    audience: sso.facts.audience,
    veeam: veeam.facts,
  });
  const gateway = start('gateway', settings, 'apps/gateway/src/main.js', {
    ...environment,
    HOST: '127.0.0.1',
    PORT: String(settings.gatewayPort),
    MANAGEMENT_PORT: String(settings.managementPort),
    VEEAM_API_VERSION: settings.apiVersion,
    ...(settings.logLevel !== undefined && { LOG_LEVEL: settings.logLevel }),
  });
  await Promise.race([untilReady(`${gatewayUrl}/health/ready`), gateway.died]);

  const ready = {
    gatewayUrl,
    managementUrl: `http://127.0.0.1:${settings.managementPort}`,
    issuer: sso.facts.issuer,
    audience: sso.facts.audience,
    veeamUrl: veeam.facts.url,
    veeamCaFile: veeam.facts.caFile,
    veeamUsername: veeam.facts.username,
    veeamPassword: veeam.facts.password,
    veeamControlUrl: veeam.facts.controlUrl,
    filesDir: veeam.facts.filesDir,
    productionDir: veeam.facts.productionDir,
    mailDir,
    restoreUserName: veeam.facts.restoreUserName,
    restorePassword: veeam.facts.restorePassword,
  };
  const organizationId = await organizationOfAlice(gatewayUrl, sso.facts.issuer);
  running.push(() => rm(readyFile, { force: true }));
  await writeFile(`${readyFile}.new`, JSON.stringify(ready, null, 2), { mode: 0o600 });
  await rename(`${readyFile}.new`, readyFile);
  console.log(guide({ root, organizationId, apiVersion: settings.apiVersion, ...ready }));

  const databaseDied = database.died.then((lastLines) => {
    throw new Error(`${lastLines}\n\nThe database ended by itself.`);
  });
  return await Promise.race([gateway.died, sso.process.died, veeam.process.died, databaseDied]);
}

/** They would share the folder of everything that a run leaves behind. */
async function refuseSecondRun(readyFile: string): Promise<void> {
  const text = await readFile(readyFile, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { gatewayUrl } = JSON.parse(text) as { gatewayUrl: string };
  const isAlive = await fetch(`${gatewayUrl}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  );
  if (isAlive) throw new Error(`npm start already runs in this folder, at ${gatewayUrl}: stop it first.`);
}

async function startDatabase({ dataDir }: StartSettings) {
  const database = await startEmbeddedDatabase({ dataDir });
  running.push(() => database.stop());
  await migrate({ ownerUrl: new Secret(database.ownerUrl), serviceUrl: new Secret(database.serviceUrl) });
  return database;
}

async function startMail(mailDir: string) {
  const smtp = await startSmtpSink({ mailDir });
  running.push(() => smtp.close());
  return smtp;
}

async function startSso(settings: StartSettings) {
  const process = start('sso-sandbox', settings, 'apps/sso-sandbox/src/main.js', {
    SSO_SANDBOX_PORT: String(settings.ssoPort),
    SSO_SANDBOX_DATA_DIR: join(settings.sandboxDir, 'sso'),
  });
  return { process, facts: await process.readyFacts<{ issuer: string; audience: string }>() };
}

type VeeamFacts = SandboxFacts['veeam'] & { controlUrl: string; filesDir: string; productionDir: string };

async function startVeeam(settings: StartSettings, smtpPort: number) {
  const dataDir = join(settings.sandboxDir, 'veeam');
  await mkdir(dataDir, { recursive: true });
  const process = start('veeam-sandbox', settings, 'apps/veeam-sandbox/src/main.js', {
    VEEAM_SANDBOX_PORT: String(settings.veeamPort),
    VEEAM_SANDBOX_CONTROL_PORT: String(settings.veeamControlPort),
    VEEAM_SANDBOX_DATA_DIR: dataDir,
    VEEAM_SANDBOX_SMTP_PORT: String(smtpPort),
    ...(settings.filesDir !== undefined && { SANDBOX_FILES: settings.filesDir }),
  });
  return { process, facts: await process.readyFacts<VeeamFacts>() };
}

function start(name: string, { sandboxDir }: StartSettings, entry: string, environment: Record<string, string>) {
  const logFile = join(sandboxDir, `${name}.log`);
  const service = ServiceProcess.start({ name, entry: join(root, 'dist', entry), environment, logFile });
  running.push(() => service.stop());
  return service;
}

async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + READY_PATIENCE_MS;
  let last = 'no answer';
  while (Date.now() < deadline) {
    try {
      const response = await fetch(url);
      const body = await response.text();
      if (response.ok) return;
      last = `${response.status} ${body}`;
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  throw new Error(`The gateway did not become ready within ${READY_PATIENCE_MS / 1000} s. ${url} says: ${last}`);
}

/** Also a first try of everything together: a token of the SSO, the gateway, its login at the backup server. */
async function organizationOfAlice(gatewayUrl: string, issuer: string): Promise<string> {
  const issued = await fetch(`${issuer}/sandbox/token`, { method: 'POST', body: '{"name":"alice"}' });
  const { access_token: token } = (await issued.json()) as { access_token: string };
  const response = await fetch(`${gatewayUrl}/api/v1/organizations`, { headers: { authorization: `Bearer ${token}` } });
  const body = await response.text();
  const { items = [] } = (response.ok ? JSON.parse(body) : {}) as { items?: { id: string; name: string }[] };
  const contoso = items.find(({ name }) => name === 'contoso.onmicrosoft.com');
  if (!contoso) throw new Error(`The gateway is up but shows alice no organization: ${response.status} ${body}`);
  return contoso.id;
}
