import {
  type DomainError,
  OperationConflictError,
  UpstreamBrokenError,
  UpstreamLoginFailedError,
  UpstreamRejectedError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from '@app/problems';
import type { FailureCause } from '../errors.js';
import { RefusedAnswer } from '../failures.js';
import type { HttpAnswer } from '../transport/json-transport.js';
import { readErrorBody, type WordScrubber } from './error-body.js';

type ReasonOptions = ConstructorParameters<typeof UpstreamRejectedError>[1];

/** What an error status means, where no code tells more. Statuses not listed: redirects are broken, everything else was refused. */
const meanings: Readonly<Record<number, (options: ReasonOptions) => DomainError>> = {
  401: (options) =>
    new UpstreamLoginFailedError('The backup server does not accept the login it has just given.', options),
  408: (options) => new UpstreamTimeoutError('The backup server did not answer in time.', options),
  429: (options) => new UpstreamUnavailableError('The backup server is busy.', options),
  // Proxies speak in 502 and 504: what is behind them may or may not have got the request.
  502: (options) => new UpstreamBrokenError('The backup server gave no usable answer.', options),
  503: (options) => new UpstreamUnavailableError('The backup server is not available.', options),
  504: (options) => new UpstreamTimeoutError('The backup server did not answer in time.', options),
};

/** What upstream's `errorCode` means, where a version has one. */
export type ErrorCodeMeaning =
  /** There is no such thing. */
  | 'not-found'
  /** The request is not well-formed; of a read, which holds nothing but ids: what it names cannot be. */
  | 'invalid'
  | 'refused'
  /** Something else is going on that excludes it. */
  | 'conflict'
  /** Upstream gave up waiting for itself: what it was asked for may be done. */
  | 'timeout'
  /** A part of upstream that is needed is down. */
  | 'unavailable';

/** Meanings by which calls below a restore session may tell that it is gone: its id is one of those that they name. */
const goneSessionMeanings: ReadonlySet<ErrorCodeMeaning> = new Set(['not-found', 'invalid', 'conflict']);

/** How a version says no: where a code tells, the status says nothing more. */
export interface Refusals {
  readonly errorCodes: Readonly<Record<string, ErrorCodeMeaning>>;
  /** Statuses by which reading one thing tells that there is no such thing. */
  readonly notFoundStatuses: ReadonlySet<number>;
  /** Statuses by which calls below a restore session may tell that it is gone. */
  readonly goneSessionStatuses: ReadonlySet<number>;
}

const rejected = (options: ReasonOptions) =>
  new UpstreamRejectedError('The backup server refused the request.', options);

const codeErrors: Readonly<Record<ErrorCodeMeaning, (options: ReasonOptions) => DomainError>> = {
  'not-found': rejected,
  invalid: rejected,
  refused: rejected,
  conflict: (options) =>
    new OperationConflictError('Something else is going on at the backup server that excludes this.', options),
  timeout: (options) => new UpstreamTimeoutError('The backup server did not get it done in time.', options),
  unavailable: (options) => new UpstreamUnavailableError('A part of the backup server is not available.', options),
};

/** Statuses after which a GET is worth another try. */
export const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([502, 503, 504]);

/** Statuses that do not tell whether the request took effect: it went on from a proxy, and the answer got lost there. */
const UNKNOWN_EFFECT_STATUSES: ReadonlySet<number> = new Set([408, 502, 504]);

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/**
 * @param what method and route template, for the log
 * @param sent takes what was sent out of upstream's words
 */
export function refusedAnswer(answer: HttpAnswer, what: string, sent: WordScrubber, refusals: Refusals): RefusedAnswer {
  const { status } = answer;
  const cause = causeFrom(answer, what, sent);
  const options = { cause, ...retryAfter(answer) };
  const { errorCodes } = refusals;
  // A 401 is about the login, whatever else it says.
  const meaning =
    status !== 401 && cause.code !== undefined && Object.hasOwn(errorCodes, cause.code)
      ? errorCodes[cause.code]
      : undefined;
  const error = meaning ? codeErrors[meaning](options) : errorOfStatus(status, options);
  return new RefusedAnswer(error, status, {
    isNotFound: meaning ? meaning === 'not-found' || meaning === 'invalid' : refusals.notFoundStatuses.has(status),
    mayBeGoneSession: meaning ? goneSessionMeanings.has(meaning) : refusals.goneSessionStatuses.has(status),
    isEffectUnknown: meaning === 'timeout' || UNKNOWN_EFFECT_STATUSES.has(status),
  });
}

function errorOfStatus(status: number, options: ReasonOptions): DomainError {
  const meaning = meanings[status];
  if (meaning) return meaning(options);
  const isRedirect = status >= 300 && status < 400;
  return isRedirect
    ? new UpstreamBrokenError('The backup server redirects, which is never followed.', options)
    : rejected(options);
}

export function causeFrom(answer: HttpAnswer, what: string, sent: WordScrubber): FailureCause {
  const { code, message } = readErrorBody(answer.text, sent);
  return {
    name: 'UpstreamAnswer',
    message: `${what} was answered with ${answer.status}`,
    status: answer.status,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { upstreamMessage: message }),
  };
}

const LONGEST_RETRY_AFTER_SECONDS = 3_600;

/** `Retry-After` in seconds (RFC 9110, section 10.2.3); its date form is left alone. */
export function retryAfter({ headers }: Pick<HttpAnswer, 'headers'>): { retryAfterSeconds?: number } {
  const value = headers['retry-after'];
  if (typeof value !== 'string' || !/^\d{1,9}$/.test(value)) return {};
  return { retryAfterSeconds: Math.min(Number(value), LONGEST_RETRY_AFTER_SECONDS) };
}
