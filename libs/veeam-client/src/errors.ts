import { DomainError, type ProblemCode } from '@app/problems';

/**
 * What led to an error, for the log. Errors of the HTTP libraries hold headers and bodies, so they are reduced to this and never
 * travel on themselves.
 */
export interface FailureCause {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  /** HTTP status of upstream's answer. */
  readonly status?: number;
  /** Upstream's own words, scrubbed of what was sent to it; never for callers. */
  readonly upstreamMessage?: string;
}

/**
 * An action that provably had no effect: no connection was made, no login was had, or upstream answered 401. It may be sent again.
 * Code and message are those of the reason.
 */
export class ActionNotSentError extends DomainError {
  override readonly code: ProblemCode;

  constructor(readonly reason: DomainError) {
    super(reason.message, inheritedFrom(reason));
    this.code = reason.code;
  }
}

/**
 * An action that was sent and whose answer was lost, cut, late or unreadable: it may have been done, so it must not be sent again.
 * Code (`upstream-broken` or `upstream-timeout`) and message are those of the reason.
 */
export class ActionAnswerUnknownError extends DomainError {
  override readonly code: ProblemCode;

  constructor(readonly reason: DomainError) {
    super(reason.message, inheritedFrom(reason));
    this.code = reason.code;
  }
}

/** Upstream's own words behind an error of this lib, if it said any: for the log only. */
export function upstreamMessageOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause !== 'object' || cause === null || !('upstreamMessage' in cause)) return undefined;
  return typeof cause.upstreamMessage === 'string' ? cause.upstreamMessage : undefined;
}

function inheritedFrom(reason: DomainError) {
  return {
    cause: reason.cause,
    ...(reason.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: reason.retryAfterSeconds }),
  };
}
