import type { Clock } from '@app/clock';
import { DomainError, UpstreamBrokenError, UpstreamLoginFailedError, UpstreamUnavailableError } from '@app/problems';
import type { Secret } from '@app/secrets';
import { Failure } from '../failures.js';
import type { Login, LoginSource } from '../options.js';
import type { SentSecrets } from '../sent-secrets.js';
import type { HttpAnswer } from '../transport/json-transport.js';
import type { WireForm } from '../wire/body.js';
import { answerReader } from '../wire/call.js';
import { causeFrom, isSuccess, retryAfter } from '../wire/refusal.js';
import { readTokens } from './token-answer.js';

export interface AccessTokensOptions {
  readonly login: LoginSource;
  /** What a dialect wants in every login. */
  readonly loginFields: WireForm;
  readonly clock: Clock;
  readonly refusedLoginMs: number;
  readonly refusedFreshLoginMs: number;
  readonly sent: SentSecrets;
  /** Posts a form to the token resource. */
  readonly post: (form: WireForm) => Promise<HttpAnswer>;
}

interface Refused {
  readonly error: DomainError;
  readonly login: Login;
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
}

interface Tokens {
  readonly access: Secret;
  readonly refresh: Secret | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly refreshAt: number;
}

const EARLY_MS = 60_000;

/**
 * The one access token of this process: fetched by whoever needs it first while everybody else waits for the same login, refreshed a
 * minute before it ends.
 */
export class AccessTokens {
  private tokens: Tokens | undefined;
  private login: Promise<Tokens> | undefined;
  private refused: Refused | undefined;
  private refusedFresh: Refused | undefined;

  constructor(private readonly options: AccessTokensOptions) {}

  /** @throws UpstreamLoginFailedError, UpstreamUnavailableError, UpstreamBrokenError, UpstreamTimeoutError */
  async current(): Promise<Secret> {
    const { tokens } = this;
    if (tokens && this.options.clock.now() < tokens.refreshAt) return tokens.access;
    this.login ??= this.renew(tokens?.refresh).finally(() => {
      this.login = undefined;
    });
    return (await this.login).access;
  }

  /** Upstream answered 401 to this token. Of many calls that met it, only the first throws it away. */
  discard(access: Secret): void {
    if (this.tokens?.access.equals(access)) this.tokens = undefined;
  }

  /** Logs in with another login, and goes on with its token. @throws as `current` */
  async tryLogin(login: Login): Promise<void> {
    this.tokens = await this.with(login);
  }

  /** Gives the login up without a word upstream: what it was, if there is one. */
  release(): Secret | undefined {
    const access = this.tokens?.access;
    this.tokens = undefined;
    return access;
  }

  private async renew(refresh: Secret | undefined): Promise<Tokens> {
    this.tokens = (refresh && (await this.byRefreshToken(refresh))) ?? (await this.byPassword());
    return this.tokens;
  }

  /** Undefined when upstream does not take the refresh token any more. */
  private async byRefreshToken(refresh: Secret): Promise<Tokens | undefined> {
    const answer = await this.post({ grant_type: 'refresh_token', refresh_token: refresh });
    if (isSuccess(answer.status)) return this.read(answer);
    const refusal = this.refusal(answer);
    if (!(refusal instanceof UpstreamLoginFailedError)) throw refusal;
    this.tokens = undefined;
    return undefined;
  }

  private async byPassword(): Promise<Tokens> {
    const login = this.options.login.current;
    this.throwIfRefused(this.refused, login);
    try {
      return await this.with(login);
    } catch (error) {
      if (!(error instanceof UpstreamLoginFailedError)) throw error;
      this.refused = this.refusedUntil(error, login, this.options.refusedLoginMs);
      return this.byFreshLogin(login, error);
    }
  }

  /** The login may have been rotated since it was read. One that upstream refuses as well does not become current. */
  private async byFreshLogin(refused: Login, error: UpstreamLoginFailedError): Promise<Tokens> {
    const fresh = await this.options.login.read().catch(() => refused);
    if (areEqual(fresh, refused)) throw error;
    this.throwIfRefused(this.refusedFresh, fresh);
    try {
      const tokens = await this.with(fresh);
      this.options.login.replace(fresh);
      return tokens;
    } catch (freshError) {
      if (freshError instanceof UpstreamLoginFailedError) {
        this.refusedFresh = this.refusedUntil(freshError, fresh, this.options.refusedFreshLoginMs);
      }
      throw freshError;
    }
  }

  private async with({ username, password }: Login): Promise<Tokens> {
    const answer = await this.post({ grant_type: 'password', username, password });
    if (isSuccess(answer.status)) return this.read(answer);
    throw this.refusal(answer);
  }

  private async post(form: WireForm): Promise<HttpAnswer> {
    try {
      return await this.options.post({ ...form, ...this.options.loginFields });
    } catch (error) {
      throw error instanceof Failure ? error.error : error;
    }
  }

  private read(answer: HttpAnswer): Tokens {
    const { access, refresh, lifetimeMs } = readTokens(answerReader(answer.text).json());
    return { access, refresh, refreshAt: this.options.clock.now() + lifetimeMs - Math.min(EARLY_MS, lifetimeMs / 2) };
  }

  private refusal(answer: HttpAnswer): DomainError {
    const options = { cause: causeFrom(answer, 'POST token', this.options.sent), ...retryAfter(answer) };
    const { status } = answer;
    if (status === 400 || status === 401 || status === 403) {
      return new UpstreamLoginFailedError('The backup server refuses the login of the gateway.', options);
    }
    if (status === 404) return new UpstreamBrokenError('The backup server does not serve this API version.', options);
    // Busy or failing is "later", never "wrong password".
    if (status === 429 || status >= 500) {
      return new UpstreamUnavailableError('The backup server cannot log the gateway in now.', options);
    }
    return new UpstreamBrokenError('The backup server gave no usable answer to the login.', options);
  }

  private throwIfRefused(refused: Refused | undefined, login: Login): void {
    if (refused && this.options.clock.now() < refused.until && areEqual(refused.login, login)) throw refused.error;
  }

  private refusedUntil(error: UpstreamLoginFailedError, login: Login, forMs: number): Refused {
    return { error, login, until: this.options.clock.now() + forMs };
  }
}

function areEqual(one: Login, other: Login): boolean {
  return one.username.equals(other.username) && one.password.equals(other.password);
}
