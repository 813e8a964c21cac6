import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { AcceptedActions } from '../control/accepted-actions.js';
import { NoAnswer, type Faults, type RequestFaults } from '../control/faults.js';
import type { ReceivedRequest, ReceivedRequests } from '../control/received-requests.js';
import type { Saves } from '../control/saves.js';
import type { SentAnswer, SentAnswers } from '../control/sent-answers.js';
import { internalFailure, SandboxError } from '../world/sandbox-error.js';
import type { World } from '../world/world.js';
import { empty, json, type Answer, type ApiVersion, type Exchange, type Settings } from './api-version.js';
import { contentTypeOf, writeAnswer } from './answer-writer.js';
import { hasAntiforgery } from './antiforgery.js';
import { mediaTypeOf, parseBody, readBody } from './request-body.js';
import { Router, segmentsOf, type Found } from './router.js';

export interface ApiServerParts {
  readonly world: World;
  readonly settings: Settings;
  readonly versions: readonly ApiVersion[];
  readonly received: ReceivedRequests;
  readonly actions: AcceptedActions;
  readonly faults: Faults;
  readonly saves: Saves;
  readonly sent: SentAnswers;
}

interface Served {
  readonly version: ApiVersion;
  readonly router: Router;
}

/** The HTTPS side: every version's routes under one roof, with login, record keeping and faults before and after them. */
export class ApiServer {
  private readonly server: Server;
  private readonly served: ReadonlyMap<string, Served>;
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly parts: ApiServerParts,
    tls: { key: string; certificate: string },
  ) {
    this.served = new Map(
      parts.versions.map((version) => [version.name, { version, router: new Router(version.routes) }]),
    );
    // A high water mark of several pieces keeps big downloads fast; what is buffered per download stays below it.
    const options = { key: tls.key, cert: tls.certificate, highWaterMark: 1024 * 1024, keepAliveTimeout: 120_000 };
    this.server = createServer(options, (request, response) => void this.serve(request, response));
    this.server.requestTimeout = 0;
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(port, host, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends every connection, answered or not. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const received = this.parts.received.add(method, url, request.headers);
    response.on('error', () => undefined); // the other side left; 'close' tells
    try {
      await this.answer(request, response, received);
    } catch (error) {
      if (error instanceof NoAnswer) {
        if (error.how === 'close') request.socket.destroy();
        return;
      }
      if (!response.headersSent) {
        received.status = 500;
        response.writeHead(500, { 'content-type': 'application/json; charset=utf-8' });
        response.end(JSON.stringify({ message: error instanceof Error ? error.message : String(error) }));
      } else {
        response.destroy();
      }
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse, received: ReceivedRequest): Promise<void> {
    const [path = '', search = ''] = received.path.split('?', 2);
    const text = await readBody(request);
    received.body = text;
    const found = this.find(received.method, path);
    received.version = found.served?.version.name;
    received.route = found.match?.route.pattern;

    let refusal: SandboxError | undefined = found.refusal;
    if (found.served && found.match) {
      const { version } = found.served;
      try {
        received.body = parseBody(text, mediaTypeOf(request), (json) => version.parseJson(json, this.parts.settings));
        received.action = version.actionOf(found.match.route, received.body);
      } catch (error) {
        if (!(error instanceof SandboxError)) throw error;
        refusal = error;
      }
    }
    const faults = this.parts.faults.of(received);
    await faults.reach('received');
    const made = faults.get('answer');
    let answer: Answer;
    if (made) {
      for (const [name, value] of Object.entries(made.headers ?? {})) response.setHeader(name, value);
      answer = made.body === undefined ? empty(made.status) : json(made.body, made.status);
    } else {
      answer = await this.handle(request, received, found, refusal, faults, search);
    }
    if (answer.kind === 'json') {
      for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    }
    await faults.reach('done');
    received.status = answer.kind === 'download' ? 200 : answer.status;
    received.accepted ||= received.status < 400;
    const isMadeUp = made !== undefined || faults.get('outcome')?.emptyBody === true;
    if (!isMadeUp) this.parts.sent.onSent(sentAnswer(received, text, answer));
    await writeAnswer(response, answer, {
      faults,
      declareLength: this.parts.settings.saveMode.contentLength,
      beginSave: (contentLength) => this.parts.saves.begin(received.id, received.path, contentLength),
    });
  }

  private async handle(
    request: IncomingMessage,
    received: ReceivedRequest,
    found: FoundRoute,
    refusal: SandboxError | undefined,
    faults: RequestFaults,
    search: string,
  ): Promise<Answer> {
    const { served, match } = found;
    if (!served) return json({ message: refusal?.message ?? 'Not found.' }, refusal?.status ?? 404);
    const { version } = served;
    if (!match) return version.refusal(refusal ?? new SandboxError(404, 'Not found.'));
    let caller = { login: '', accessToken: '' };
    if (match.route.isPublic !== true) {
      const [, accessToken = ''] = /^bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
      const grant = this.parts.world.logins.grantOf(accessToken, version.name);
      const isProtected = grant?.antiforgery === undefined || hasAntiforgery(request, grant.antiforgery);
      if (grant === undefined || !isProtected) return empty(401);
      if (this.parts.settings.operatorAuthenticationOnly) {
        return version.refusal(new SandboxError(403, 'The REST API is available to restore operators only.'));
      }
      caller = { login: grant.userName, accessToken };
    }
    if (refusal) return version.refusal(refusal);
    const exchange = this.exchangeOf(request, received, { version, match, faults, search, ...caller });
    try {
      return await match.route.handle(exchange);
    } catch (error) {
      if (error instanceof SandboxError) return version.refusal(error);
      if (error instanceof NoAnswer) throw error;
      return version.refusal(internalFailure(error instanceof Error ? error.message : String(error)));
    }
  }

  private exchangeOf(
    request: IncomingMessage,
    received: ReceivedRequest,
    facts: Pick<Exchange, 'login' | 'accessToken' | 'faults'> & { version: ApiVersion; match: Found; search: string },
  ): Exchange {
    const { world, settings, actions } = this.parts;
    const { version, match, search, ...caller } = facts;
    const query = [...new URLSearchParams(search)].map(([name, value]) => [name.toLowerCase(), value] as const);
    return {
      world,
      settings,
      ...caller,
      version: version.name,
      base: version.linkBase((request.headers.host ?? 'localhost').toLowerCase()),
      hasAntiforgery: (token) => hasAntiforgery(request, token),
      query: new Map(query),
      contentType: mediaTypeOf(request),
      body: received.body,
      param: (name) => match.params.get(name.toLowerCase()) ?? '',
      accept: (action) => {
        received.accepted = true;
        return actions.add(action, received.id, version.name);
      },
    };
  }

  private find(method: string, path: string): FoundRoute {
    try {
      const [version = '', ...segments] = segmentsOf(path);
      const served = this.served.get(version.toLowerCase());
      if (!served) return { refusal: noResource() };
      const match = served.router.find(method, segments);
      if (match === undefined) return { served, refusal: noResource() };
      if (match === 'wrong-method') {
        const message = `The requested resource does not support http method '${method}'.`;
        return { served, refusal: new SandboxError(405, message) };
      }
      return { served, match };
    } catch (error) {
      if (error instanceof SandboxError) return { refusal: error };
      throw error;
    }
  }
}

function sentAnswer({ method, path }: ReceivedRequest, sent: string, answer: Answer): SentAnswer {
  const status = answer.kind === 'download' ? 200 : answer.status;
  const facts = { method, path, sent, status, json: undefined, hasBody: answer.kind !== 'empty' };
  const contentType = contentTypeOf(answer);
  return answer.kind === 'json' ? { ...facts, contentType, json: answer.body } : { ...facts, contentType };
}

function noResource(): SandboxError {
  return new SandboxError(404, 'No HTTP resource was found.');
}

interface FoundRoute {
  readonly served?: Served;
  readonly match?: Found;
  readonly refusal?: SandboxError;
}
