import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request, type Dispatcher } from 'undici';
import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import { startVeeamSandbox, type VeeamSandbox, type VeeamSandboxOptions } from '../src/index.js';

/** Specs assert on whatever came. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the assertions on it are the check
export type JsonBody = any;

export interface Reply {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly bytes: Buffer;
  readonly text: string;
  readonly json: JsonBody;
}

/** A running sandbox on a folder of its own, and a client that trusts its certificate. */
export class SandboxClient {
  private token = '';

  private constructor(
    readonly sandbox: VeeamSandbox,
    private readonly dataDir: string,
    readonly agent: Agent,
  ) {}

  static async start(options: Partial<VeeamSandboxOptions> = {}): Promise<SandboxClient> {
    const dataDir = mkdtempSync(join(tmpdir(), 'veeam-sandbox-'));
    const sandbox = await startVeeamSandbox({ dataDir, ...options });
    const agent = new Agent({ connect: { ca: readFileSync(sandbox.caFile) } });
    return new SandboxClient(sandbox, dataDir, agent);
  }

  async close(): Promise<void> {
    await this.agent.destroy();
    await this.sandbox.close();
    rmSync(this.dataDir, { recursive: true });
  }

  async logIn(): Promise<void> {
    const { username, password } = this.sandbox;
    const reply = await this.form('/v5/token', { grant_type: 'password', username, password });
    this.token = (reply.json as { access_token: string }).access_token;
  }

  form(path: string, fields: Record<string, string>): Promise<Reply> {
    const body = new URLSearchParams(fields).toString();
    return this.send('POST', path, body, { 'content-type': 'application/x-www-form-urlencoded' });
  }

  get(path: string): Promise<Reply> {
    return this.send('GET', path);
  }

  /** A text goes out as it is. */
  post(path: string, body: unknown, method: 'POST' | 'PUT' = 'POST'): Promise<Reply> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.send(method, path, text, { 'content-type': 'application/json' });
  }

  async open(path: string, body: string): Promise<Dispatcher.ResponseData> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.token}` };
    return request(this.sandbox.url + path, { method: 'POST', dispatcher: this.agent, headers, body });
  }

  async send(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const authorization = this.token === '' ? {} : { authorization: `Bearer ${this.token}` };
    const response = await request(this.sandbox.url + path, {
      method,
      dispatcher: this.agent,
      headers: { ...authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    const text = bytes.toString('utf8');
    const isJson = String(response.headers['content-type']).startsWith('application/json') && text !== '';
    return {
      status: response.statusCode,
      headers: response.headers,
      bytes,
      text,
      json: (isJson ? JSON.parse(text) : undefined) as unknown,
    };
  }

  /** Opens a restore session and gives its path. */
  async explore(organizationId: string, options: object = {}): Promise<string> {
    const reply = await this.post(`/v5/Organizations/${organizationId}/Action`, { explore: options });
    return `/v5/RestoreSessions/${(reply.json as { id: string }).id}`;
  }

  /** The path of the first OneDrive of this name in a session. */
  async oneDrive(session: string, name: string): Promise<string> {
    const reply = await this.get(`${session}/Organization/OneDrives?limit=1000`);
    const { results } = reply.json as { results: { id: string; name: string }[] };
    const found = results.find((oneDrive) => oneDrive.name === name);
    if (!found) throw new Error(`no OneDrive of ${name}`);
    return `${session}/Organization/OneDrives/${found.id}`;
  }

  get account(): { userName: string; userPassword: string } {
    return { userName: this.sandbox.restoreUserName, userPassword: this.sandbox.restorePassword };
  }
}

/** The entries of a ZIP by path; folders have no bytes. */
export async function unzip(bytes: Buffer): Promise<Map<string, Buffer>> {
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: true }, (error, opened) => {
      if (error) reject(error);
      else resolve(opened);
    });
  });
  const entries = new Map<string, Buffer>();
  return new Promise((resolve, reject) => {
    zip.on('error', reject);
    zip.on('end', () => {
      resolve(entries);
    });
    zip.on('entry', (entry: Entry) => {
      zip.openReadStream(entry, (error, stream) => {
        if (error) {
          reject(error);
          return;
        }
        const pieces: Buffer[] = [];
        stream.on('data', (piece: Buffer) => pieces.push(piece));
        stream.on('end', () => {
          entries.set(entry.fileName, Buffer.concat(pieces));
          zip.readEntry();
        });
      });
    });
    zip.readEntry();
  });
}
