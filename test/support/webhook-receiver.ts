import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { type KeyAndCertificate, makeServerCertificate } from '../../apps/veeam-sandbox/src/certificates.js';
import type { Canary } from './canary.js';

export interface ReceivedWebhook {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

type Answer = (response: ServerResponse) => void;

const take: Answer = (response) => response.writeHead(204).end();

/** A real HTTPS server of an application that is told things. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  /** Never forgotten. */
  private readonly everything: string[] = [];
  private server = createServer();
  private answer = take;

  private constructor(
    private readonly identity: KeyAndCertificate,
    private readonly folder: string,
    /** PEM file of the CA of its certificate. */
    readonly caFile: string,
    /** File with the key that messages to it are signed with. */
    readonly keyFile: string,
    readonly key: string,
    private port: number,
  ) {}

  /** @param canary is told of the key, and looks at all that ever comes */
  static async start(canary: Canary): Promise<WebhookReceiver> {
    const folder = await mkdtemp(join(tmpdir(), 'webhook-receiver-'));
    const identity = await makeServerCertificate();
    const [caFile, keyFile] = [join(folder, 'ca.pem'), join(folder, 'webhook.key')];
    const key = newWebhookKey(canary);
    await writeFile(caFile, identity.certificate);
    await writeFile(keyFile, key);
    const receiver = new WebhookReceiver(identity, folder, caFile, keyFile, key, 0);
    canary.watch('webhook', () => receiver.everything.join('\n'));
    await receiver.comeUp();
    return receiver;
  }

  get url(): string {
    return `https://localhost:${this.port}/hooks/restore`;
  }

  /** As the YAML names it. */
  get settings() {
    return { url: this.url, caFile: this.caFile, secret: { file: this.keyFile } };
  }

  /** What it was told, in the order it came. */
  messages(): any[] /* eslint-disable-line @typescript-eslint/no-explicit-any -- the assertions on it are the check */ {
    return this.received.map(({ text: json }) => JSON.parse(json) as unknown);
  }

  /** How to answer, until it is told otherwise. */
  answers(answer: Answer): void {
    this.answer = answer;
  }

  /** Answers well again, leaves nobody waiting, and forgets what it received. */
  reset(): void {
    this.answer = take;
    this.server.closeAllConnections();
    this.received.length = 0;
  }

  async goDown(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  /** On the port it had before, if it had one. */
  async comeUp(): Promise<void> {
    const { key, certificate: cert } = this.identity;
    this.server = createServer({ key, cert }, (request, response) => void this.receive(request, response));
    this.server.listen(this.port, 'localhost');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (this.server.listening) await this.goDown();
    await rm(this.folder, { recursive: true });
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    const body = await text(request);
    this.everything.push(path, ...request.rawHeaders, body);
    this.received.push({ method, path, headers, text: body });
    this.answer(response);
  }
}

/** Whether one of the signatures is the key's. */
export function isSignedWith(key: string, { headers, text: body }: ReceivedWebhook): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  const bytes = Buffer.from(key.replace('whsec_', ''), 'base64');
  const digest = createHmac('sha256', bytes)
    .update(`${String(id)}.${String(timestamp)}.${body}`)
    .digest('base64');
  return String(signatures).split(' ').includes(`v1,${digest}`);
}

/** @param canary is told of it; its prefix is no secret */
export function newWebhookKey(canary: Canary): string {
  const bytes = randomBytes(32).toString('base64');
  canary.knows('the key of a webhook', bytes);
  return `whsec_${bytes}`;
}
