import type { Provider } from 'oidc-provider';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { memoryAdapter } from './memory-adapter.js';
import { people, services } from './people.js';
import { issueAccessToken, loadProviderClass, providerConfiguration, type ProviderFacts } from './provider.js';
import { sandboxRoutes } from './sandbox-routes.js';
import { signJwt, type JwtKey } from './sign-jwt.js';
import { SigningKeys, type SigningAlgorithm, type SigningKey } from './signing-keys.js';

export interface SsoSandboxOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Where the signing keys are kept across restarts; without it every start makes new ones. */
  readonly dataDir?: string;
  /** Default `urn:restore-gateway`. */
  readonly audience?: string;
  /** Told of failures inside the provider; by default they are silent, as the caller gets a 500. */
  readonly onError?: (error: Error) => void;
}

export interface SsoSandbox {
  /** Such as `http://127.0.0.1:9400`, no trailing slash. */
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
  /**
   * The access token that this person or service would get by signing in. `overrides` are laid over its claims and the
   * token signed again; an `undefined` override removes the claim. Throws when there is nobody of that name.
   */
  token(name: string, overrides?: Readonly<Record<string, unknown>>): Promise<string>;
  /**
   * Any claims under any header, for negative tests. The header starts as `{alg: 'RS256', typ: 'at+jwt', kid}` of the
   * current key; an `undefined` member is left out. `alg` decides how it is signed, `key` what with.
   */
  sign(claims: object, options?: { header?: Readonly<Record<string, unknown>>; key?: JwtKey }): Promise<string>;
  /** The key that signs now. */
  signingKey(alg?: SigningAlgorithm): SigningKey;
  /** Signs with new keys from now on; the old ones stay published unless `dropOld`. */
  rotateKeys(options?: { dropOld?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** Starts a local OpenID Provider with sample people and a sample service. It trusts everybody who reaches it. */
export async function startSsoSandbox(options: SsoSandboxOptions = {}): Promise<SsoSandbox> {
  const { host = '127.0.0.1', port = 0, dataDir, audience = 'urn:restore-gateway', onError } = options;
  const [OidcProvider, keys] = await Promise.all([
    loadProviderClass(),
    SigningKeys.load(dataDir === undefined ? undefined : join(dataDir, 'signing-keys.json')),
  ]);

  const server = createServer();
  server.listen(port, host);
  await once(server, 'listening');
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`;

  // A provider reads its keys once, so a rotation replaces it; what it remembers lives in the adapter.
  const facts: ProviderFacts = { issuer, audience, keys, adapter: memoryAdapter() };
  const newProvider = (): Provider => {
    const fresh = new OidcProvider(issuer, providerConfiguration(facts));
    fresh.on('server_error', (_context, error) => onError?.(error));
    return fresh;
  };
  let provider = newProvider();

  const sandbox: SsoSandbox = {
    issuer,
    audience,
    jwksUri: `${issuer}/jwks`,
    async token(name, overrides) {
      const owner = people.find((one) => one.name === name) ?? services.find(({ clientId }) => clientId === name);
      if (!owner) throw new Error(`There is nobody called ${name} here.`);
      const token = await issueAccessToken(provider, facts, owner);
      return overrides ? this.sign({ ...claimsIn(token), ...overrides }) : token;
    },
    sign(claims, { header, key } = {}) {
      const current = keys.current(header?.alg === 'ES256' ? 'ES256' : 'RS256');
      const fullHeader = { alg: current.alg, typ: 'at+jwt', kid: current.kid, ...header };
      return Promise.resolve(signJwt(fullHeader, claims, key ?? current.privateKey));
    },
    signingKey: (alg = 'RS256') => keys.current(alg),
    async rotateKeys(rotation) {
      await keys.rotate(rotation);
      provider = newProvider();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };

  const ownRoutes = sandboxRoutes(sandbox, () => provider, onError);
  server.on('request', (request, response) => {
    if (!ownRoutes(request, response)) void provider.callback()(request, response);
  });
  return sandbox;
}

function claimsIn(token: string): Record<string, unknown> {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return JSON.parse(payload) as Record<string, unknown>;
}
