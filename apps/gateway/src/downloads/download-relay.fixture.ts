import { ManualClock } from '@app/clock';
import { EventEmitter, once } from 'node:events';
import http, { type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Agent } from 'undici';
import { deliverDownload, type DownloadDelivery, type DownloadResult } from './deliver-download.js';

export type Answer = (response: ServerResponse) => unknown;
export type Finish = DownloadDelivery['finish'];

interface RelayEvents {
  result: DownloadResult;
  refused: unknown;
  /** Upstream saw its connection close. */
  'upstream-closed': undefined;
}

/** An upstream that answers as told, and a gateway that delivers its answer to whoever asks. */
export class DownloadRelay {
  readonly clock = new ManualClock();
  /** Breaks off what is under way, as a gateway does that is stopping. */
  readonly breaking = new AbortController();
  /** What `finish` was called with. */
  readonly finished: DownloadResult[] = [];
  /** Downloads that came so far that nothing could be thrown any more. */
  heads = 0;
  private readonly events = new EventEmitter();
  private readonly servers: Server[] = [];
  private readonly callers: Socket[] = [];
  private readonly agent = new Agent();
  private port = 0;

  private constructor(
    private readonly isZip: boolean,
    private readonly finish: Finish,
    private readonly beforeDelivery: (request: IncomingMessage) => Promise<unknown>,
  ) {}

  static async start(
    answer: Answer,
    options: { isZip?: boolean; finish?: Finish; beforeDelivery?: (request: IncomingMessage) => Promise<unknown> } = {},
  ): Promise<DownloadRelay> {
    const done = () => Promise.resolve();
    const relay = new DownloadRelay(options.isZip ?? false, options.finish ?? done, options.beforeDelivery ?? done);
    const upstreamPort = await relay.listen((_request, response) => {
      response.on('close', () => relay.events.emit('upstream-closed'));
      answer(response);
    });
    relay.port = await relay.listen((request, response) => {
      void relay.deliver(request, response, `http://127.0.0.1:${upstreamPort}`);
    });
    return relay;
  }

  async close(): Promise<void> {
    for (const caller of this.callers) caller.destroy();
    await this.agent.destroy();
    for (const server of this.servers) {
      server.close().closeAllConnections();
      await once(server, 'close');
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async next<E extends keyof RelayEvents>(event: E): Promise<RelayEvents[E]> {
    const [value] = (await once(this.events, event)) as [RelayEvents[E]];
    return value;
  }

  /** Connects and asks, but reads only when told to. */
  async ask({ version = '1.1', times = 1 } = {}): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1').pause();
    this.callers.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(`GET / HTTP/${version}\r\nHost: gateway\r\n\r\n`.repeat(times));
    return socket;
  }

  private async listen(handler: RequestListener): Promise<number> {
    const server = http.createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  private async deliver(request: IncomingMessage, response: ServerResponse, origin: string): Promise<void> {
    const upstream = await this.agent.request({ origin, path: '/', method: 'POST' });
    const length = upstream.headers['content-length'];
    await this.beforeDelivery(request);
    try {
      const result = await deliverDownload({
        stream: { body: upstream.body, contentLength: length === undefined ? undefined : Number(length) },
        request,
        response,
        headers: { 'Content-Disposition': 'attachment; filename="x.zip"', 'Cache-Control': 'public' },
        isZip: this.isZip,
        brokenOff: this.breaking.signal,
        clock: this.clock,
        onHead: () => {
          this.heads++;
        },
        finish: (outcome) => {
          this.finished.push(outcome);
          return this.finish(outcome);
        },
      });
      this.events.emit('result', result);
    } catch (error) {
      response.writeHead(505).end('refused');
      this.events.emit('refused', error);
    }
  }
}
