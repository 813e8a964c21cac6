export { startSsoSandbox, type SsoSandbox, type SsoSandboxOptions } from './sso-sandbox.js';
export { people, services, PUBLIC_CLIENT_ID, type Person, type Service } from './people.js';
export type { SigningAlgorithm, SigningKey } from './signing-keys.js';
