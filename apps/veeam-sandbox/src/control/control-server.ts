import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { controlRoutes } from './control-routes.js';
import type { SandboxControl } from './sandbox-control.js';

/** The control calls over plain HTTP, for tests in another process and for curl. */
export class ControlServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly control: SandboxControl) {
    this.server = createServer((request, response) => void this.serve(request, response));
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(port, host, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
      response.end(JSON.stringify(body));
    };
    try {
      const [path = '/'] = (request.url ?? '/').split('?', 1);
      const [, name = '', ...rest] = path.split('/');
      const route = controlRoutes.get(`${request.method ?? ''} /${name}`);
      if (!route) {
        answer(404, { message: `Known: ${[...controlRoutes.keys()].join(', ')}` });
        return;
      }
      const result = await route(this.control, await bodyOf(request), rest.map(decodeURIComponent));
      answer(200, result ?? {});
    } catch (error) {
      answer(400, { message: error instanceof Error ? error.message : String(error) });
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8').trim();
  const body: unknown = text === '' ? {} : JSON.parse(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Error('A JSON object is expected.');
  return body as Record<string, unknown>;
}
