import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AcceptedActions } from './control/accepted-actions.js';
import { ControlServer } from './control/control-server.js';
import { Faults } from './control/faults.js';
import { ReceivedRequests } from './control/received-requests.js';
import { SandboxControl } from './control/sandbox-control.js';
import { Saves } from './control/saves.js';
import { SentAnswers } from './control/sent-answers.js';
import { fingerprintOf } from './certificates.js';
import { openDataFolder } from './data-folder.js';
import { ApiServer } from './http/api-server.js';
import type { ApiVersion } from './http/api-version.js';
import { contoso } from './people.js';
import { v5 } from './v5/v5.js';
import { v6, v7, v8 } from './verbs/verbs.js';
import {
  versionNames,
  type VeeamSandbox,
  type VeeamSandboxOptions,
  type VersionName,
} from './veeam-sandbox.options.js';
import { guidOf } from './world/deterministic-id.js';
import { writeSampleFiles } from './world/sample-files.js';
import { World } from './world/world.js';

const versions: Readonly<Record<VersionName, ApiVersion>> = { v5, v6, v7, v8 };

const restoreUserName = `restore-service@${contoso.name}`;
const deviceCodeApplicationId = guidOf('device-code-application');
const mebibyte = 1024 * 1024;

/** Starts a stand-in for VB365 and its control API, and resolves when both listen. */
export async function startVeeamSandbox(options: VeeamSandboxOptions): Promise<VeeamSandbox> {
  const { host = '127.0.0.1', port = 0, controlPort = 0, username = 'SANDBOX\\veeam-admin' } = options;
  const data = await openDataFolder(options.dataDir, { tls: options.tls, password: options.password });
  const { productionDir, password, restorePassword, applicationId } = data;
  const filesDir = resolve(options.filesDir ?? data.sampleFilesDir);
  const historyDir = options.filesDir === undefined ? data.sampleHistoryDir : options.historyDir;
  if (options.filesDir === undefined) writeSampleFiles(filesDir, data.sampleHistoryDir);
  else if (!existsSync(filesDir)) throw new Error(`The folder to serve does not exist: ${filesDir}`);

  const smtp = options.smtp && {
    enableNotification: true,
    smtpServer: options.smtp.host,
    port: options.smtp.port,
    from: `backup@${contoso.name}`,
  };
  const initial = {
    accessTokenSeconds: options.accessTokenSeconds ?? 3600,
    sessionIdleSeconds: options.sessionIdleSeconds ?? 1800,
    organizations: options.organizations,
    bigOneDrive: { bytes: 512 * mebibyte, documents: 4, ...options.bigOneDrive },
    email: smtp,
  };
  const world = new World({ ...initial, filesDir, historyDir, productionDir, deviceCodeApplicationId });

  const parts = {
    world,
    settings: {
      saveMode: { contentLength: true, compressed: false },
      lenientJson: true,
      operatorAuthenticationOnly: false,
    },
    received: new ReceivedRequests(),
    actions: new AcceptedActions(),
    faults: new Faults(),
    saves: new Saves(),
    sent: new SentAnswers(),
  };
  const served = (options.versions ?? versionNames).map((name) => versions[name]);
  const server = new ApiServer({ ...parts, versions: served }, data.server);
  const control = new SandboxControl({
    ...parts,
    server,
    initial,
    username,
    password,
    restoreUserName,
    restorePassword,
    applicationId,
    applicationCertificate: data.applicationCertificate,
  });
  control.reset();

  const controlServer = new ControlServer(control);
  const listening = await server.listen(host, port);
  const controlListening = await controlServer.listen(host, controlPort).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `https://${name}:${listening}`,
    controlUrl: `http://${name}:${controlListening}`,
    caFile: data.caFile,
    fingerprint: fingerprintOf(data.server.certificate),
    username,
    password,
    filesDir,
    productionDir,
    restoreUserName,
    restorePassword,
    applicationId,
    certificateFile: data.certificateFile,
    certificatePassword: data.certificatePassword,
    deviceCodeApplicationId,
    secretFiles: {
      password: data.passwordFile,
      restorePassword: data.restorePasswordFile,
      certificatePassword: data.certificatePasswordFile,
    },
    control,
    close: async () => {
      world.sessions.clear();
      control.clearFaults();
      await Promise.all([server.close(), controlServer.close(), world.sessions.settled()]);
    },
  };
}
