import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

import { makeServerCertificate } from '../../apps/veeam-sandbox/src/certificates.js';
import type { VeeamSandbox } from '../../apps/veeam-sandbox/src/index.js';

/** A request whole, as whoever throws it back has it. */
export interface Echoed {
  /** Method and path, headers with the token, and the body: lines of their own. */
  readonly whole: string;
  readonly body: string;
  readonly authorization: string;
}

/** How a request is answered with itself. */
export type Echo = (request: Echoed, response: ServerResponse) => void;

/** A backup server that is itself until it is told to answer some requests with what they hold. */
export class EchoingUpstream {
  /** How many requests were answered with themselves since that was asked for. */
  echoes = 0;
  private echo: { readonly which: RegExp; readonly how: Echo } | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  private readonly server;

  private constructor(
    identity: { readonly key: string; readonly certificate: string },
    private readonly folder: string,
    private readonly veeam: Pick<VeeamSandbox, 'url'>,
  ) {
    this.server = createServer({ key: identity.key, cert: identity.certificate }, (request, response) => {
      this.answer(request, response).catch(() => request.socket.destroy());
    });
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async before(veeam: Pick<VeeamSandbox, 'url'>): Promise<EchoingUpstream> {
    const folder = await mkdtemp(join(tmpdir(), 'echoing-upstream-'));
    const identity = await makeServerCertificate();
    await writeFile(join(folder, 'ca.pem'), identity.certificate);
    const upstream = new EchoingUpstream(identity, folder, veeam);
    upstream.server.listen(0, 'localhost');
    await once(upstream.server, 'listening');
    return upstream;
  }

  /** Of a gateway that takes it for the backup server. */
  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return { VEEAM_URL: `https://localhost:${port}`, VEEAM_CA_FILE: join(this.folder, 'ca.pem') };
  }

  /** @param which is looked for in method, path and body, each on a line of its own */
  echoesTo(which: RegExp, how: Echo): void {
    this.echoes = 0;
    this.echo = { which, how };
  }

  behaves(): void {
    this.echo = undefined;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    this.agent.destroy();
    await once(this.server, 'close');
    await rm(this.folder, { recursive: true });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers, rawHeaders } = request;
    const content = await buffer(request);
    const body = content.toString();
    if (this.echo?.which.test(`${method} ${url}\n${body}`)) {
      this.echoes++;
      const whole = [`${method} ${url}`, ...rawHeaders, body].join('\n');
      this.echo.how({ whole, body, authorization: headers.authorization ?? '' }, response);
      return;
    }
    await this.passOn(request, content, response);
  }

  private async passOn(request: IncomingMessage, content: Buffer, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request;
    const passed = httpsRequest(new URL(url, this.veeam.url), { method, headers, agent: this.agent });
    passed.end(content);
    const [answer] = (await once(passed, 'response')) as [IncomingMessage];
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  }
}
