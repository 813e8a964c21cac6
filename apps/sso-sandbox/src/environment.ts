import type { SsoSandboxOptions } from './sso-sandbox.js';

/** The settings of the process; the only place of the sandbox that reads the environment. */
export function readEnvironment(): SsoSandboxOptions {
  const { SSO_SANDBOX_HOST, SSO_SANDBOX_PORT, SSO_SANDBOX_DATA_DIR, SSO_AUDIENCE } = process.env;
  return {
    ...(SSO_SANDBOX_HOST && { host: SSO_SANDBOX_HOST }),
    port: portOf(SSO_SANDBOX_PORT ?? '9400'),
    ...(SSO_SANDBOX_DATA_DIR && { dataDir: SSO_SANDBOX_DATA_DIR }),
    ...(SSO_AUDIENCE && { audience: SSO_AUDIENCE }),
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new Error('SSO_SANDBOX_PORT must be a port: 0 to 65535.');
  return port;
}
