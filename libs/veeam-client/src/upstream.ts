import { sleep } from '@app/clock';
import { DomainError } from '@app/problems';
import type { Secret } from '@app/secrets';
import type { Dialect } from './dialects/dialect.js';
import { dialectOf } from './dialects/index.js';
import { ActionAnswerUnknownError, ActionNotSentError } from './errors.js';
import { Failure, RefusedAnswer, TransportFailure } from './failures.js';
import { AccessTokens } from './login/access-tokens.js';
import type { ActionResult, SaveStream } from './model.js';
import { DEFAULT_TIMEOUTS, type Login, type UpstreamTimeouts, type VeeamClientOptions } from './options.js';
import { SentSecrets } from './sent-secrets.js';
import { ActionTransport } from './transport/action-transport.js';
import { Connector } from './transport/connector.js';
import { type HttpAnswer, type HttpRequest, JsonTransport } from './transport/json-transport.js';
import { retryPause } from './transport/retry-pause.js';
import { type Route, route } from './transport/route.js';
import { secretsIn, toForm, toJson, type WireForm } from './wire/body.js';
import { VersionDetection } from './version-detection.js';
import { answerReader, type Call, type Method } from './wire/call.js';
import { isSuccess, refusedAnswer, retryAfter, TRANSIENT_STATUSES } from './wire/refusal.js';
import { openedStream } from './wire/save-answer.js';

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly headersMs?: number;
}

interface LoggedIn {
  readonly dialect: Dialect;
  readonly tokens: AccessTokens;
}

const GET_ATTEMPTS = 3;
/** A server that wants a longer pause than this gets it from the caller, who is told. */
const LONGEST_PAUSE_SECONDS = 5;

/** Sends the calls of a dialect: with a token, once more after a 401, again where that is harmless. Knows no resource. */
export class Upstream {
  readonly timeouts: UpstreamTimeouts;
  readonly sent: SentSecrets;
  private readonly json: JsonTransport;
  private readonly actions: ActionTransport;
  /** Which version is spoken, and why not another. */
  readonly versions: VersionDetection;
  private readonly fixedDialect: Dialect | undefined;
  private ready: Promise<LoggedIn> | undefined;

  constructor(private readonly options: VeeamClientOptions) {
    const { apiVersion, clock } = options;
    const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.timeouts = timeouts;
    this.sent = new SentSecrets(options.secrets);
    const url = new URL(options.url);
    const connector = new Connector({ url, trust: options.trust, clock, ...timeouts });
    const limits = { clock, idleBodyMs: timeouts.idleBodyMs };
    this.json = new JsonTransport(url.origin, connector, limits);
    this.actions = new ActionTransport(url.origin, connector, limits);
    this.versions = new VersionDetection({ ...options, sent: this.sent }, (template) =>
      this.retried(this.unauthorized('GET', route(template)), template),
    );
    this.fixedDialect = apiVersion === 'auto' ? undefined : dialectOf(apiVersion);
  }

  async dialect(): Promise<Dialect> {
    return (await this.prepare()).dialect;
  }

  /** @throws RefusedAnswer, TransportFailure, DomainError, or the signal's reason */
  async call<T>(build: (dialect: Dialect) => Call<T>, { signal, headersMs }: CallOptions = {}): Promise<T> {
    const { dialect, tokens } = await this.prepare();
    const call = build(dialect);
    const answer = await withToken(tokens, (token) => {
      const request = this.request(dialect, call, token, headersMs ?? this.timeouts.headersMs);
      return this.retried(request, templateOf(dialect, call), signal);
    });
    if (!isSuccess(answer.status)) throw this.refused(answer, dialect, templateOf(dialect, call));
    return call.read(answerReader(answer.text));
  }

  /**
   * Sends an action that must not take effect twice: repeated only after a 401 or where no connection was made.
   *
   * @param mayStillSend asked at the last moment at which nothing was sent, before each try
   * @param headersMs how long the answer may take to begin; as long as actions may take when absent
   * @throws ActionNotSentError, ActionAnswerUnknownError, RefusedAnswer
   */
  async act(
    build: (dialect: Dialect) => Call<ActionResult>,
    mayStillSend: () => boolean,
    headersMs: (dialect: Dialect) => number = () => this.timeouts.actionHeadersMs,
  ): Promise<ActionResult> {
    const { dialect, tokens } = await this.prepare().catch(asNotSent);
    const call = build(dialect);
    const what = templateOf(dialect, call);
    const answer = await withToken(tokens, (token) => {
      const request = this.request(dialect, call, token, headersMs(dialect), IDENTITY);
      return this.observed(request, what, () => this.actions.send(request, mayStillSend));
    }).catch(asActionError);
    if (!isSuccess(answer.status)) {
      const refused = this.refused(answer, dialect, what);
      throw refused.isEffectUnknown ? new ActionAnswerUnknownError(refused.error) : refused;
    }
    try {
      return this.withoutSecrets(call.read(answerReader(answer.text)));
    } catch (error) {
      // Done, and nobody can tell how: not a refusal.
      throw error instanceof DomainError ? new ActionAnswerUnknownError(error) : error;
    }
  }

  /** @throws ActionNotSentError, ActionAnswerUnknownError, RefusedAnswer, UpstreamBrokenError, or the signal's reason */
  async download(build: (dialect: Dialect) => Call<void>, signal: AbortSignal): Promise<SaveStream> {
    const { dialect, tokens } = await this.prepare().catch(asNotSent);
    const call = build(dialect);
    const what = templateOf(dialect, call);
    const answer = await withToken(tokens, async (token) => {
      const request = this.request(dialect, call, token, this.timeouts.actionHeadersMs, DOWNLOAD);
      const exchange = await this.observed(request, what, () => this.actions.open(request, signal));
      return openedStream(exchange, { clock: this.options.clock, idleBodyMs: this.timeouts.idleBodyMs });
    }).catch(asActionError);
    if ('text' in answer) throw this.refused(answer, dialect, what);
    return answer.stream;
  }

  /** Logs in with another account or password, and goes on with that if it is taken. @throws DomainError */
  async tryLogin(login: Login): Promise<void> {
    const { tokens } = await this.prepare();
    await tokens.tryLogin(login);
  }

  /** Ends the login upstream where the version can; without a login there is nothing to end. */
  async logout(): Promise<void> {
    const loggedIn = await this.ready;
    const token = loggedIn?.tokens.release();
    const call = loggedIn?.dialect.logout?.();
    if (!loggedIn || !token || !call) return;
    const what = templateOf(loggedIn.dialect, call);
    const request = this.request(loggedIn.dialect, call, token, this.timeouts.headersMs);
    const answer = await this.retried(request, what);
    // A token that is no longer taken is logged out as well.
    if (!isSuccess(answer.status) && answer.status !== 401) throw this.refused(answer, loggedIn.dialect, what);
  }

  async close(): Promise<void> {
    this.json.close();
    await this.actions.close();
  }

  private prepare(): Promise<LoggedIn> {
    this.ready ??= this.detect().then(
      (dialect) => ({ dialect, tokens: this.tokensOf(dialect) }),
      (error: unknown) => {
        this.ready = undefined;
        throw error;
      },
    );
    return this.ready;
  }

  /** As `options.apiVersion` says. */
  private detect(): Promise<Dialect> {
    return this.fixedDialect ? Promise.resolve(this.fixedDialect) : this.versions.find();
  }

  private withoutSecrets(result: ActionResult): ActionResult {
    const isTold = result.kind === 'finished' && result.outcome !== undefined;
    return isTold ? { ...result, outcome: this.sent.scrubOutcome(result.outcome) } : result;
  }

  private refused(answer: HttpAnswer, dialect: Dialect, what: string): RefusedAnswer {
    return refusedAnswer(answer, what, this.sent, dialect.refusals);
  }

  private tokensOf(dialect: Dialect): AccessTokens {
    const { login, clock } = this.options;
    const template = `/${dialect.version}/token`;
    const post = (form: WireForm) => {
      this.sent.sending(secretsIn(form));
      const request = this.unauthorized('POST', route(template), toForm(form), 'application/x-www-form-urlencoded');
      return this.observed(request, template, () => this.json.send(request));
    };
    const { refusedLoginMs, refusedFreshLoginMs } = this.timeouts;
    const { loginFields } = dialect;
    return new AccessTokens({ login, loginFields, clock, refusedLoginMs, refusedFreshLoginMs, sent: this.sent, post });
  }

  private async retried(request: HttpRequest, template: string, signal?: AbortSignal): Promise<HttpAnswer> {
    const attempts = request.method === 'GET' ? GET_ATTEMPTS : 1;
    for (let attempt = 1; ; attempt++) {
      let pauseMs = retryPause(attempt, this.timeouts.retryDelayMs);
      try {
        const answer = await this.observed(request, template, () => this.json.send(request, signal));
        const { retryAfterSeconds = 0 } = retryAfter(answer);
        const isWorthIt = TRANSIENT_STATUSES.has(answer.status) && retryAfterSeconds <= LONGEST_PAUSE_SECONDS;
        if (attempt === attempts || !isWorthIt) return answer;
        pauseMs = Math.max(pauseMs, retryAfterSeconds * 1000);
      } catch (error) {
        if (attempt === attempts || !(error instanceof TransportFailure && error.isTransient)) throw error;
      }
      await sleep(this.options.clock, pauseMs, signal);
    }
  }

  private async observed<T extends { readonly status: number }>(
    { method }: HttpRequest,
    template: string,
    send: () => Promise<T>,
  ): Promise<T> {
    const { clock, onRequest } = this.options;
    const startedAt = clock.now();
    const tell = (status: number | undefined, errorCode: string | undefined) =>
      onRequest?.({ method, route: template, status, durationMs: clock.now() - startedAt, errorCode });
    try {
      const answer = await send();
      tell(answer.status, undefined);
      return answer;
    } catch (error) {
      tell(undefined, error instanceof Failure ? error.error.code : 'aborted');
      throw error;
    }
  }

  private request(
    dialect: Dialect,
    { method, route: { path }, body }: Call<unknown>,
    token: Secret,
    headersMs: number,
    headers: Readonly<Record<string, string>> = {},
  ): HttpRequest {
    this.sent.sending([token, ...secretsIn(body)]);
    return {
      method,
      path: `/${dialect.version}${path}`,
      headers: {
        ...this.commonHeaders(),
        authorization: `Bearer ${token.expose()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : toJson(body),
      headersMs,
    };
  }

  private unauthorized(method: Method, { path }: Route, body?: string, contentType?: string): HttpRequest {
    const headers = { ...this.commonHeaders(), ...(contentType ? { 'content-type': contentType } : {}) };
    return { method, path, headers, body, headersMs: this.timeouts.headersMs };
  }

  private commonHeaders(): Record<string, string> {
    const traceparent = this.options.traceparent?.();
    const requestId = this.options.requestId?.();
    return {
      accept: 'application/json',
      'user-agent': 'restore-gateway',
      ...(traceparent ? { traceparent } : {}),
      ...(requestId ? { 'x-request-id': requestId } : {}),
    };
  }
}

const IDENTITY = { 'accept-encoding': 'identity' };
const DOWNLOAD = { ...IDENTITY, accept: 'application/octet-stream' };

function templateOf(dialect: Dialect, call: Call<unknown>): string {
  return `/${dialect.version}${call.route.template}`;
}

/** A 401 is a definite refusal, so anything may be sent once more with a new token. */
async function withToken<T extends { readonly status: number }>(
  tokens: AccessTokens,
  send: (token: Secret) => Promise<T>,
): Promise<T> {
  const token = await tokens.current();
  const answer = await send(token);
  if (answer.status !== 401) return answer;
  tokens.discard(token);
  return send(await tokens.current());
}

function asNotSent(error: unknown): never {
  if (error instanceof Failure) throw new ActionNotSentError(error.error);
  throw error instanceof DomainError ? new ActionNotSentError(error) : error;
}

/** Domain errors that did not come with an answer are those of the login: the action was not sent, or just refused with 401. */
function asActionError(error: unknown): never {
  if (error instanceof RefusedAnswer) throw error;
  if (error instanceof TransportFailure && error.wasSent) throw new ActionAnswerUnknownError(error.error);
  return asNotSent(error);
}
