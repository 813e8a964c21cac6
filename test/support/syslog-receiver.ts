import { once } from 'node:events';
import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

export interface SyslogMessage {
  readonly priority: number;
  readonly timestamp: string;
  readonly hostName: string;
  readonly appName: string;
  readonly procId: string;
  readonly msgId: string;
  readonly message: string;
}

/** Receives syslog as a SIEM does: framed by octet counts, over TLS or in the clear. */
export class SyslogReceiver {
  /** Whole messages, in the order they came. */
  readonly messages: SyslogMessage[] = [];
  connections = 0;
  private readonly sockets = new Set<Socket>();
  private breaksAfter: number | undefined;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param port the one of a receiver that was closed; any free one when absent */
  static async start(tls?: { key: string; certificate: string }, port = 0): Promise<SyslogReceiver> {
    const server = tls ? createTlsServer({ key: tls.key, cert: tls.certificate }) : createPlainServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new SyslogReceiver(server, (server.address() as AddressInfo).port);
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      receiver.receive(socket);
    });
    server.on('tlsClientError', () => undefined);
    return receiver;
  }

  /** Reads so many bytes of the next connection, and breaks it. */
  breakNextConnectionAfter(bytes: number): void {
    this.breaksAfter = bytes;
  }

  async close(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    this.server.close();
    await once(this.server, 'close');
  }

  private receive(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    const limit = this.breaksAfter ?? Infinity;
    this.breaksAfter = undefined;
    let bytes = 0;
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      rest = this.take(Buffer.concat([rest, chunk.subarray(0, limit)]));
      if (bytes >= limit) socket.destroy();
    });
  }

  /** @returns what is not a whole frame yet */
  private take(bytes: Buffer): Buffer {
    let rest = bytes;
    for (;;) {
      const space = rest.indexOf(' ');
      const length = Number(rest.subarray(0, space).toString('latin1'));
      if (space < 0 || rest.length < space + 1 + length) return rest;
      this.messages.push(parse(rest.subarray(space + 1, space + 1 + length).toString('utf8')));
      rest = rest.subarray(space + 1 + length);
    }
  }
}

const syntax = /^<(\d+)>1 (\S+) (\S+) (\S+) (\S+) (\S+) - (.*)$/s;

function parse(text: string): SyslogMessage {
  const [, priority, timestamp = '', hostName = '', appName = '', procId = '', msgId = '', message = ''] =
    syntax.exec(text) ?? [];
  if (priority === undefined) throw new Error(`no syslog message: ${text}`);
  return { priority: Number(priority), timestamp, hostName, appName, procId, msgId, message };
}
