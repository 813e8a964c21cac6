import { type DomainError, UpstreamBrokenError, UpstreamTimeoutError, UpstreamUnavailableError } from '@app/problems';
import { isNativeError } from 'node:util/types';
import type { FailureCause } from './errors.js';

/** A failure on its way through this lib; what leaves the lib is `error`. */
export abstract class Failure extends Error {
  constructor(readonly error: DomainError) {
    super(error.message);
  }
}

/** No usable answer came. */
export class TransportFailure extends Failure {
  /**
   * @param wasSent false only when provably no byte of the request left
   * @param isTransient whether a request without effect is worth another try
   */
  constructor(
    error: DomainError,
    readonly wasSent: boolean,
    readonly isTransient: boolean,
  ) {
    super(error);
  }
}

/** An answer that will be no shorter when it is asked for again. */
export class AnswerTooLongError extends UpstreamBrokenError {
  constructor(maxBytes: number) {
    super(`The answer of the backup server is longer than ${maxBytes} bytes.`);
  }
}

/** What a refusal tells besides its error; each is read from upstream's `errorCode` where there is one, else from the status. */
export interface RefusalMarks {
  /** Of reading one thing: there is no such thing. */
  readonly isNotFound: boolean;
  /** Of a call below a restore session: it may be gone, which reading the session confirms. */
  readonly mayBeGoneSession: boolean;
  /** The request may have taken effect nevertheless. */
  readonly isEffectUnknown: boolean;
}

/** Upstream answered, and not with what was asked for. */
export class RefusedAnswer extends Failure implements RefusalMarks {
  readonly isNotFound: boolean;
  readonly mayBeGoneSession: boolean;
  readonly isEffectUnknown: boolean;

  constructor(
    error: DomainError,
    readonly status: number,
    marks: Partial<RefusalMarks> = {},
  ) {
    super(error);
    this.isNotFound = marks.isNotFound ?? false;
    this.mayBeGoneSession = marks.mayBeGoneSession ?? false;
    this.isEffectUnknown = marks.isEffectUnknown ?? false;
  }
}

/** Name, code and text of an error, without what libraries hang on it. */
export function causeOf(error: unknown): FailureCause {
  if (!isNativeError(error)) return { name: 'Error', message: 'unknown' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // Coded errors are those of Node.js and the HTTP libraries; their texts name hosts and headers but quote no values.
  return code === undefined
    ? { name: error.name, message: 'without a code' }
    : { name: error.name, code, message: error.message };
}

export function brokenConnection(error: unknown, wasSent: boolean): TransportFailure {
  const cause = causeOf(error);
  return new TransportFailure(
    new UpstreamBrokenError('The connection to the backup server broke before its answer was complete.', { cause }),
    wasSent,
    true,
  );
}

export function timedOut(what: string): UpstreamTimeoutError {
  return new UpstreamTimeoutError(`The backup server did not ${what} in time.`);
}

export function unreachable(cause: FailureCause, isTransient: boolean): TransportFailure {
  return new TransportFailure(
    new UpstreamUnavailableError('The backup server cannot be reached.', { cause }),
    false,
    isTransient,
  );
}
