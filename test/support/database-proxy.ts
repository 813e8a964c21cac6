import { once } from 'node:events';
import { type AddressInfo, createServer, connect, type Server, type Socket } from 'node:net';

/** Lies between a part under test and PostgreSQL, to fail as networks and servers do. */
export class DatabaseProxy {
  private readonly sockets = new Set<Socket>();
  private isDown = false;
  private losesAnswerToCommit = false;
  private awaitedStatement: string | undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async start(databaseUrl: string): Promise<DatabaseProxy> {
    const server = createServer();
    const proxy = new DatabaseProxy(server, new URL(databaseUrl));
    server.on('connection', (caller) => {
      proxy.join(caller);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** What the database has sent so far. */
  bytesFromDatabase = 0;

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return Object.assign(new URL(this.target.href), { host: `127.0.0.1:${port}` }).href;
  }

  /** Breaks all connections and takes no more. */
  goDown(): void {
    this.isDown = true;
    this.sockets.forEach((socket) => socket.destroy());
  }

  comeBack(): void {
    this.isDown = false;
  }

  /** Lets the next commit happen, and breaks the connection instead of saying so. */
  loseNextAnswerToCommit(): void {
    this.losesAnswerToCommit = true;
  }

  /** As `loseNextAnswerToCommit`, but for the commit that comes after a statement with this text. */
  loseAnswerToCommitAfter(statement: string): void {
    this.awaitedStatement = statement;
  }

  async close(): Promise<void> {
    this.goDown();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(caller: Socket): void {
    if (this.isDown) {
      caller.destroy();
      return;
    }
    const database = connect(Number(this.target.port), this.target.hostname);
    let isDoomed = false;
    for (const [socket, other] of [
      [caller, database],
      [database, caller],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    caller.on('data', (data) => {
      if (this.awaitedStatement !== undefined && data.includes(this.awaitedStatement)) {
        this.awaitedStatement = undefined;
        this.losesAnswerToCommit = true;
      }
      if (this.losesAnswerToCommit && data.includes('commit')) {
        this.losesAnswerToCommit = false;
        isDoomed = true;
      }
      database.write(data);
    });
    database.on('data', (data) => {
      this.bytesFromDatabase += data.length;
      if (isDoomed) caller.destroy();
      else caller.write(data);
    });
  }
}
