import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request, type Dispatcher } from 'undici';
import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import {
  startVeeamSandbox,
  type SentAnswer,
  type VeeamSandbox,
  type VeeamSandboxOptions,
  type VersionName,
} from '../src/index.js';
import { Conformance } from './conformance.js';

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

/**
 * A running sandbox on a folder of its own, and a client that trusts its certificate. Answers are checked on the way, against our own
 * wire schemas and, where they are at hand, against the vendor's documents. One that departs from either is thrown.
 */
export class SandboxClient {
  /** In the order in which they came. */
  readonly answers: SentAnswer[] = [];
  private token = '';
  private version: VersionName = 'v5';

  private constructor(
    readonly sandbox: VeeamSandbox,
    private readonly dataDir: string,
    readonly agent: Agent,
    readonly conformance: Conformance,
  ) {}

  static async start(options: Partial<VeeamSandboxOptions> = {}): Promise<SandboxClient> {
    const dataDir = mkdtempSync(join(tmpdir(), 'veeam-sandbox-'));
    const sandbox = await startVeeamSandbox({ dataDir, ...options });
    const agent = new Agent({ connect: { ca: readFileSync(sandbox.caFile) } });
    return new SandboxClient(sandbox, dataDir, agent, new Conformance(options.versions));
  }

  async close(): Promise<void> {
    for (const line of this.conformance.summaries) process.stdout.write(`${line}\n`);
    await this.agent.destroy();
    await this.sandbox.close();
    rmSync(this.dataDir, { recursive: true });
  }

  /** Explores and acts by this version from now on. */
  async logIn(version: VersionName = 'v5'): Promise<void> {
    this.version = version;
    const { username, password } = this.sandbox;
    const antiforgery = version === 'v5' || version === 'v6' ? {} : { disable_antiforgery_token: 'true' };
    const fields = { grant_type: 'password', username, password, ...antiforgery };
    const reply = await this.form(`/${version}/token`, fields);
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
    const json = (isJson ? JSON.parse(text) : undefined) as unknown;
    const status = response.statusCode;
    const contentType = response.headers['content-type'] as string | undefined;
    const facts = { method, path, sent: body, status, contentType, json, hasBody: bytes.length > 0 };
    const departures = this.conformance.check(facts);
    if (departures.length > 0) throw new Error(departures.join('\n'));
    this.answers.push(facts);
    return { status, headers: response.headers, bytes, text, json };
  }

  /** Opens a restore session and gives its path. */
  async explore(organizationId: string, options: object = {}): Promise<string> {
    const organization = `/${this.version}/Organizations/${organizationId}`;
    const reply =
      this.version === 'v5'
        ? await this.post(`${organization}/Action`, { explore: options })
        : await this.post(`${organization}/explore`, options);
    return `/${this.version}/RestoreSessions/${(reply.json as { id: string }).id}`;
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
