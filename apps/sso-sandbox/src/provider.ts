import type { AdapterFactory, Configuration, Grant, KoaContextWithOIDC, Provider, ResourceServer } from 'oidc-provider';
import { randomBytes } from 'node:crypto';
import {
  API_SCOPE,
  claimsOf,
  personBySubject,
  PUBLIC_CLIENT_ID,
  services,
  subjectOf,
  type Person,
  type Service,
} from './people.js';
import type { SigningKeys } from './signing-keys.js';

export const LOGIN_PATH = '/sandbox/login';
const HOUR = 3600;
const FOURTEEN_DAYS = 14 * 24 * HOUR;

export interface ProviderFacts {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: SigningKeys;
  readonly adapter: AdapterFactory;
}

export type ProviderClass = typeof Provider;

/** oidc-provider warns about Node.js before 22 on the console when it is loaded. It runs on 20, and these tests show it. */
export async function loadProviderClass(): Promise<ProviderClass> {
  // eslint-disable-next-line no-console -- the library gives no other way
  const warn = console.warn;
  // eslint-disable-next-line no-console -- put back below
  console.warn = (...args: unknown[]) => {
    if (!String(args[0]).includes('Unsupported runtime')) warn(...args);
  };
  try {
    return (await import('oidc-provider')).Provider;
  } finally {
    // eslint-disable-next-line no-console -- put back
    console.warn = warn;
  }
}

export function providerConfiguration({ audience, keys, adapter }: ProviderFacts): Configuration {
  return {
    adapter,
    clients: [
      {
        client_id: PUBLIC_CLIENT_ID,
        application_type: 'native',
        // Any port of the loopback address will do (RFC 8252, section 7.3).
        redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
      ...services.map(({ clientId, clientSecret }) => ({
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'client_secret_basic' as const,
      })),
    ],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'oid', 'tid', 'groups'],
      email: ['email', 'email_verified'],
    },
    scopes: ['openid', 'offline_access', API_SCOPE],
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString('hex')] },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    extraTokenClaims: (_context, token) => {
      if (token.kind === 'ClientCredentials') {
        return { roles: services.find(({ clientId }) => clientId === token.clientId)?.roles ?? [] };
      }
      const person = personBySubject(token.accountId);
      return person && { ...claimsOf(person), roles: [] };
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => apiServer(audience, keys),
      },
    },
    findAccount: (_context, subject) => {
      const person = personBySubject(subject);
      return person && { accountId: subject, claims: () => ({ sub: subject, ...claimsOf(person) }) };
    },
    interactions: { url: (_context, interaction) => `${LOGIN_PATH}/${interaction.uid}` },
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    jwks: { keys: keys.all.map(({ privateJwk, kid, alg }) => ({ ...privateJwk, kid, alg, use: 'sig' })) },
    loadExistingGrant: grantEverythingAskedFor,
    renderError: (context, { error, error_description }) => {
      context.type = 'text';
      context.body = `${error}: ${error_description ?? ''}\n`;
    },
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: 60,
      ClientCredentials: HOUR,
      Grant: FOURTEEN_DAYS,
      IdToken: HOUR,
      Interaction: HOUR,
      RefreshToken: FOURTEEN_DAYS,
      Session: FOURTEEN_DAYS,
    },
  };
}

/** The API as a resource server (RFC 8707): JWT access tokens, signed by the newest RS256 key. */
function apiServer(audience: string, keys: SigningKeys): ResourceServer {
  return {
    scope: API_SCOPE,
    audience,
    accessTokenFormat: 'jwt',
    accessTokenTTL: HOUR,
    jwt: { sign: { alg: 'RS256', kid: keys.current('RS256').kid } },
  };
}

/** The one client is the company's own, so nobody is asked for consent. */
async function grantEverythingAskedFor(context: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { client, session, provider, params, resourceServers, requestParamOIDCScopes, result } = context.oidc;
  if (!client || !session?.accountId) return undefined;
  const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const grant =
    (known === undefined ? undefined : await provider.Grant.find(known)) ??
    new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(requestParamOIDCScopes);
  const scope = typeof params?.scope === 'string' ? params.scope : '';
  for (const resource of Object.keys(resourceServers ?? {})) grant.addResourceScope(resource, scope);
  await grant.save();
  return grant;
}

/** What the token endpoint would hand to `owner`, without the way there. */
export async function issueAccessToken(
  provider: Provider,
  { audience, keys }: ProviderFacts,
  owner: Person | Service,
): Promise<string> {
  const clientId = 'clientId' in owner ? owner.clientId : PUBLIC_CLIENT_ID;
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error(`There is no client ${clientId}.`);
  const resourceServer = new provider.ResourceServer(audience, apiServer(audience, keys));
  const token =
    'clientId' in owner
      ? new provider.ClientCredentials({ client, resourceServer, scope: API_SCOPE })
      : new provider.AccessToken({
          client,
          resourceServer,
          scope: API_SCOPE,
          accountId: subjectOf(owner),
          grantId: 'issued-without-sign-in',
          gty: 'authorization_code',
        });
  return await token.save();
}
