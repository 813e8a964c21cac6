import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { API_VERSIONS } from '@app/config';

import { freePort, tryPort } from './free-port.js';

/** What `npm start` can be told by the environment, checked. */
export interface StartSettings {
  readonly gatewayPort: number;
  readonly managementPort: number;
  readonly ssoPort: number;
  readonly veeamPort: number;
  readonly veeamControlPort: number;
  /** Everything that a run leaves behind. */
  readonly sandboxDir: string;
  readonly dataDir: string;
  /** The folder served as OneDrives; a sample is made when absent. */
  readonly filesDir: string | undefined;
  /** What the gateway speaks with the sandbox, which speaks all of them. */
  readonly apiVersion: string;
  /** How much the gateway logs. */
  readonly logLevel: string | undefined;
}

type Environment = Readonly<Partial<Record<string, string>>>;

/** @throws Error with one line naming the variable to set. */
export async function readStartSettings(root: string, environment: Environment): Promise<StartSettings> {
  const valueOf = (name: string) => (environment[name] === '' ? undefined : environment[name]);
  const sandboxDir = join(root, '.sandbox');
  const dataDir = resolve(root, valueOf('DATA_DIR') ?? join(sandboxDir, 'database'));
  const files = valueOf('SANDBOX_FILES');
  const filesDir = files === undefined ? undefined : resolve(root, files);
  await makeWritable(sandboxDir, 'run npm start in a folder of your own');
  await makeWritable(dataDir, 'set DATA_DIR to another folder');
  if (filesDir !== undefined) {
    await access(filesDir, constants.R_OK | constants.X_OK).catch(() => {
      throw new Error(`Cannot read the folder ${filesDir}: set SANDBOX_FILES to another one, or leave it out.`);
    });
  }

  const apiVersion = valueOf('VEEAM_API_VERSION') ?? 'v5';
  if (!API_VERSIONS.some((version) => version === apiVersion)) {
    throw new Error(`VEEAM_API_VERSION must be one of ${API_VERSIONS.join(', ')}.`);
  }

  const port = (name: string, fallback: number) => choosePort(name, valueOf(name) ?? String(fallback));
  return {
    gatewayPort: await port('GATEWAY_PORT', 3000),
    ssoPort: await port('SSO_SANDBOX_PORT', 9400),
    veeamPort: await port('VEEAM_SANDBOX_PORT', 4443),
    managementPort: await port('MANAGEMENT_PORT', 0),
    veeamControlPort: await port('VEEAM_SANDBOX_CONTROL_PORT', 0),
    sandboxDir,
    dataDir,
    filesDir,
    apiVersion,
    logLevel: valueOf('LOG_LEVEL'),
  };
}

async function makeWritable(folder: string, remedy: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch {
    throw new Error(`Cannot write to the folder ${folder}: ${remedy}.`);
  }
}

async function choosePort(name: string, text: string): Promise<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw new Error(`${name} must be a port: 0 (any free one) to 65535.`);
  if (port === 0) return await freePort();
  try {
    return await tryPort(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem =
      code === 'EADDRINUSE'
        ? `Port ${port} is taken, perhaps by another npm start`
        : `Port ${port} cannot be used (${code})`;
    throw new Error(`${problem}: set ${name} to a free one.`);
  }
}
