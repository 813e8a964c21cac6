import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@app/clock';
import type { IssuerConfiguration } from '@app/config';
import { CompactSign, exportJWK, exportSPKI, generateKeyPair, type CryptoKey, type JWK } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

type Members = Record<string, unknown>;
interface Document {
  status?: number;
  headers?: Record<string, string>;
  body: string;
}

export type Answer = (path: string) => Document | undefined;

export async function makeKey(
  kid: string,
  alg = 'RS256',
  options: { modulusLength?: number } = {},
): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, ...options });
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export const publicPem = ({ publicKey }: SigningKey): Promise<string> => exportSPKI(publicKey);

/** Signs what it is given, sound or not. Texts go in as they are. */
export function sign(key: SigningKey, header: Members, payload: Members | string): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
    .sign(key.privateKey, { crit: { 'urn:example:unknown': true } });
}

/** A real issuer on loopback: discovery, key set, and a count of what it was asked. */
export class TestIssuer {
  readonly requests: string[] = [];
  keys: SigningKey[] = [];
  /** Answers instead of the issuer where it returns something. */
  answer: Answer = () => undefined;
  private server: Server | undefined;
  private port = 0;

  constructor(readonly clock: Clock) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How often the key set was asked for. */
  get keyRequests(): number {
    return this.requests.filter((path) => path === '/jwks').length;
  }

  /** A second start listens on the port of the first. */
  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      const path = request.url ?? '';
      this.requests.push(path);
      const { status = 200, headers = {}, body } = this.answer(path) ?? this.document(path);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.server?.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  configuration(changes: Partial<IssuerConfiguration> = {}): IssuerConfiguration {
    return {
      issuer: this.url,
      audiences: ['restore-gateway'],
      jwksUri: undefined,
      algorithms: ['RS256', 'PS256', 'ES256'],
      preset: 'generic',
      tokenType: 'at+jwt',
      organizations: ['contoso.onmicrosoft.com'],
      emailDomains: ['contoso.onmicrosoft.com'],
      ownershipByEmail: undefined,
      ...changes,
    };
  }

  /** Sound claims, and what the test changes about them; `undefined` leaves a claim out. */
  claims(changes: Members = {}): Members {
    const now = Math.floor(this.clock.now() / 1000);
    return { iss: this.url, aud: 'restore-gateway', sub: 'alice', iat: now, exp: now + 300, ...changes };
  }

  /** A token by the first key. */
  token(changes: Members = {}, header: Members = {}): Promise<string> {
    const [key] = this.keys;
    if (!key) throw new Error('The issuer has no key.');
    return sign(key, header, this.claims(changes));
  }

  private document(path: string): Document {
    if (path === '/jwks') return { body: JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) }) };
    if (path !== '/.well-known/openid-configuration') return { status: 404, body: '' };
    return { body: JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/jwks` }) };
  }
}
