import { versionNames, type VeeamSandboxOptions, type VersionName } from './veeam-sandbox.options.js';

/** The sandbox as a process is set up by these variables, and reads no others. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): VeeamSandboxOptions {
  const smtpPort = portOf(env, 'VEEAM_SANDBOX_SMTP_PORT');
  const bigBytes = env.VEEAM_SANDBOX_BIG_BYTES;
  return {
    dataDir: env.VEEAM_SANDBOX_DATA_DIR ?? '.sandbox/veeam',
    port: portOf(env, 'VEEAM_SANDBOX_PORT') ?? 4443,
    controlPort: portOf(env, 'VEEAM_SANDBOX_CONTROL_PORT') ?? 0,
    ...versionsOf(env.VEEAM_SANDBOX_VERSIONS),
    ...given('host', env.VEEAM_SANDBOX_HOST),
    ...given('filesDir', env.SANDBOX_FILES),
    ...given('historyDir', env.SANDBOX_HISTORY),
    ...given('username', env.VEEAM_SANDBOX_USERNAME),
    ...given('password', env.VEEAM_SANDBOX_PASSWORD),
    ...(smtpPort === undefined ? {} : { smtp: { host: env.VEEAM_SANDBOX_SMTP_HOST ?? '127.0.0.1', port: smtpPort } }),
    ...(bigBytes === undefined ? {} : { bigOneDrive: { bytes: wholeNumber('VEEAM_SANDBOX_BIG_BYTES', bigBytes) } }),
  };
}

function given<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined || value === '' ? {} : ({ [key]: value } as Record<K, string>);
}

function versionsOf(text = ''): { versions?: VersionName[] } {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  if (text.trim() === '') return {};
  const known = versionNames.filter((name) => names.includes(name));
  if (known.length !== new Set(names).size) throw new Error(`VEEAM_SANDBOX_VERSIONS takes ${versionNames.join(', ')}.`);
  return { versions: known };
}

function portOf(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`${name} must be a port number.`);
  return port;
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${name} must be a whole number.`);
  return number;
}
