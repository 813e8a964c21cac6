import forge from 'node-forge';
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Respond = (response: ServerResponse, request: ReceivedRequest) => void;

export interface Certificate {
  readonly key: string;
  readonly pem: string;
  /** SHA-256, hex. */
  readonly fingerprint: string;
}

/** Self-signed, for 127.0.0.1. */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(Date.now() - 86_400_000);
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  const subject = [{ name: 'commonName', value: 'scripted upstream' }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  const pem = forge.pki.certificateToPem(certificate);
  const fingerprint = createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
  return { key: privateKey, pem, fingerprint };
}

/** A real HTTPS server whose answers a test writes; it logs everybody in until told otherwise. */
export class ScriptedUpstream {
  readonly received: ReceivedRequest[] = [];
  /** TCP connections, secured or not. */
  readonly sockets = new Set<Socket>();
  connections = 0;
  private readonly scripts = new Map<string, Respond>();
  private logins = 0;

  private constructor(
    private readonly server: Server,
    readonly certificate: Certificate,
  ) {
    server.on('connection', (socket: Socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request, response) => void this.answer(request, response));
    for (const version of ['v5', 'v6', 'v7', 'v8']) {
      this.on(`POST /${version}/token`, (response) => {
        this.logins++;
        json(response, 200, {
          access_token: `access-token-${this.logins}`,
          refresh_token: `refresh-token-${this.logins}`,
          token_type: 'bearer',
          expires_in: 3600,
        });
      });
    }
  }

  static async start(certificate: Certificate, port = 0): Promise<ScriptedUpstream> {
    const server = createServer({ key: certificate.key, cert: certificate.pem });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new ScriptedUpstream(server, certificate);
  }

  get url(): string {
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** @param what method and path without the query, `GET /v5/Organizations` */
  on(what: string, respond: Respond): void {
    this.scripts.set(what, respond);
  }

  /** What came for a method and path without the query. */
  requests(what: string): ReceivedRequest[] {
    return this.received.filter(({ method, url }) => `${method} ${url.split('?')[0] ?? ''}` === what);
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const received = { method, url, headers, body: Buffer.concat(chunks).toString() };
    this.received.push(received);
    const respond = this.scripts.get(`${method} ${url.split('?')[0] ?? ''}`);
    if (respond) respond(response, received);
    else json(response, 404, { message: `nothing is scripted for ${method} ${url}` });
  }
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Answers in turn; the last answer stays. */
export function inTurn(...answers: Respond[]): Respond {
  let turn = 0;
  return (response, request) => answers[Math.min(turn++, answers.length - 1)]?.(response, request);
}

export const status =
  (code: number, body = ''): Respond =>
  (response) =>
    response.writeHead(code).end(body);

export const ok =
  (body: unknown): Respond =>
  (response) => {
    json(response, 200, body);
  };

/** Ends the connection without a word. */
export const hangUp: Respond = (response) => {
  response.socket?.destroy();
};

export const neverAnswer: Respond = () => undefined;
