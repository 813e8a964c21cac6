import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Lies between a gateway and a server, to let connections wait that are made while it is shut. */
export class ConnectionGate {
  private readonly sockets = new Set<Socket>();
  private readonly waiting: Socket[] = [];
  private isShut = false;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async start(targetUrl: string): Promise<ConnectionGate> {
    const server = createServer();
    const gate = new ConnectionGate(server, new URL(targetUrl));
    server.on('connection', (caller) => {
      gate.track(caller);
      if (gate.isShut) gate.waiting.push(caller);
      else gate.join(caller);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return gate;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return Object.assign(new URL(this.target.href), { port: String(port) }).origin;
  }

  /** How many connections wait before it. */
  get held(): number {
    return this.waiting.length;
  }

  /** From now on connections stand, and nothing goes through them. */
  shut(): void {
    this.isShut = true;
  }

  open(): void {
    this.isShut = false;
    this.waiting.splice(0).forEach((caller) => {
      this.join(caller);
    });
  }

  async close(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    this.server.close();
    await once(this.server, 'close');
  }

  private join(caller: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    this.track(server);
    server.on('close', () => caller.destroy());
    caller.on('close', () => server.destroy());
    caller.pipe(server).pipe(caller);
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
  }
}
