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

  /** @param name a person or service of the sso-sandbox */
  static async named(name: string, { sso, gateway }: Pick<Neighbours, 'sso'> & { gateway: Gateway }): Promise<Caller> {
    return new Caller(gateway.url, await sso.token(name));
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
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
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
}
