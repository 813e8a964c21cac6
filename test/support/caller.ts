import { connect } from 'node:net';

import { type ProblemCode, problemCodes } from '@app/problems';

import { type Moving, until } from './until.js';
import type { Gateway, Neighbours } from './world.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON, if it is any. */
  readonly body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- the assertions on it are the check
}

/** Somebody who calls the gateway with an access token. */
export class Caller {
  constructor(
    private readonly gatewayUrl: string,
    readonly token: string | undefined,
  ) {}

  /**
   * With a token of just now by the gateway's clock: one of the real time is not valid yet where that clock stands still.
   * @param name a person or service of the sso-sandbox
   */
  static async named(
    name: string,
    { sso, gateway }: Pick<Neighbours, 'sso'> & { gateway: Pick<Gateway, 'url' | 'now'> },
  ): Promise<Caller> {
    const iat = Math.floor(gateway.now() / 1_000);
    return new Caller(gateway.url, await sso.token(name, { iat, exp: iat + 3_600 }));
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('GET', path, undefined, headers);
  }

  delete(path: string): Promise<Answer> {
    return this.call('DELETE', path);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('POST', path, body === undefined ? undefined : JSON.stringify(body), headers);
  }

  /** @param body sent as it is, as JSON unless the headers say otherwise */
  async call(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.fetch(method, path, body, headers);
    const text = await response.text();
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** The bare answer, for streams. */
  fetch(
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    return fetch(`${this.gatewayUrl}${path}`, {
      method,
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    });
  }

  /** Opens a restore session in an organization by its tenant name; its id. */
  async openSession(organizationName = 'contoso.onmicrosoft.com'): Promise<string> {
    const { body } = await this.get('/api/v1/organizations');
    const organization = body.items.find(({ name }: { name: string }) => name === organizationName);
    const opened = await this.post('/api/v1/restore-sessions', { organizationId: organization?.id });
    if (opened.status !== 201) throw new Error(`no session: ${JSON.stringify(opened.body)}`);
    return opened.body.id as string;
  }

  /** The ids of the OneDrives the caller sees in a session, in order. */
  async oneDrives(sid: string): Promise<string[]> {
    const { body } = await this.get(`/api/v1/restore-sessions/${sid}/onedrives`);
    return body.items.map(({ id }: { id: string }) => id);
  }

  /** The id of somebody's OneDrive in a session, by the name it has in lists. */
  async oneDriveNamed(sid: string, name: string): Promise<string> {
    const { body } = await this.get(`/api/v1/restore-sessions/${sid}/onedrives`);
    const found = body.items.find((oneDrive: { name: string }) => oneDrive.name === name);
    if (found === undefined) throw new Error(`no OneDrive of ${name}: ${JSON.stringify(body)}`);
    return found.id as string;
  }

  /** An operation as it stands, by its id. */
  async operation(id: string): Promise<Answer['body']> {
    const { status, body } = await this.get(`/api/v1/operations/${id}`);
    if (status !== 200) throw new Error(`no operation: ${JSON.stringify(body)}`);
    return body;
  }

  /**
   * An operation in its final state.
   * @param moving the gateway's clock, where it stands still: from v8 on, upstream is asked from time to time how a restore goes on
   */
  endOf(id: string, moving?: Moving): Promise<Answer['body']> {
    return until(async () => {
      const operation = await this.operation(id);
      return !['accepted', 'submitting', 'following'].includes(operation.state as string) && operation;
    }, moving);
  }
}

/** Sends bytes over a connection of their own, for what no HTTP client would send, and resolves with all that came back. */
export async function exchangeBytes(gateway: Pick<Gateway, 'url'>, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  const pieces: Buffer[] = [];
  try {
    for await (const piece of socket as AsyncIterable<Buffer>) pieces.push(piece);
  } catch {
    // A server that refuses what it has not read to the end may reset the connection behind its answer.
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** The answer in what `exchangeBytes` got back. */
export function parseAnswer(text: string): Answer {
  const [head = '', ...body] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const content = body.join('\r\n\r\n');
  const isJson = headers.get('content-type')?.includes('json') ?? false;
  return { status: Number(statusLine.split(' ')[1]), headers, body: isJson ? JSON.parse(content) : content };
}

/** Expects what every refusal has in common: the table's status and title, the id of the request, and safe headers. */
export function expectProblem({ status, headers, body }: Answer, code: ProblemCode): void {
  expect({ status, body: body as unknown }).toMatchObject({
    status: problemCodes[code].status,
    body: {
      title: problemCodes[code].title,
      status: problemCodes[code].status,
      detail: expect.any(String) as string,
      code,
      requestId: headers.get('x-request-id'),
    },
  });
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
}

/** The id at the end of `Operation-Location`. */
export function operationIdOf(headers: Headers): string {
  const location = headers.get('operation-location');
  if (location === null) throw new Error('no Operation-Location');
  return location.slice(location.lastIndexOf('/') + 1);
}
