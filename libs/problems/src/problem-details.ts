import { HttpException } from '@nestjs/common';

import { DomainError, type FieldError } from './domain-error.js';
import { problemCodes, type ProblemCode } from './problem-codes.js';

/** An RFC 9457 problem details object with the members this API adds. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
}

/** Seconds to wait where an error of that code names none; codes not listed get no `Retry-After`. */
const defaultRetryAfterSeconds: Partial<Record<ProblemCode, number>> = {
  'operation-conflict': 5,
  'rate-limited': 10,
  'too-many-downloads': 30,
  'upstream-unavailable': 30,
  'store-unavailable': 10,
  'issuer-unavailable': 10,
  'gateway-stopping': 5,
};

/** Codes for what Nest itself throws (an unmatched route, the throttler); any other status of its own is our bug. */
const codeByStatus = new Map<number, ProblemCode>([
  [400, 'validation-failed'],
  [404, 'not-found'],
  [413, 'payload-too-large'],
  [415, 'unsupported-media-type'],
  [429, 'rate-limited'],
]);

/** The problem code an error stands for; `internal-error` for whatever nobody thought of. */
export function codeOf(error: unknown): ProblemCode {
  if (error instanceof DomainError) {
    return error.code;
  }
  if (error instanceof HttpException) {
    return codeByStatus.get(error.getStatus()) ?? 'internal-error';
  }
  return 'internal-error';
}

export function retryAfterSecondsOf(error: unknown): number | undefined {
  const own = error instanceof DomainError ? error.retryAfterSeconds : undefined;
  return own ?? defaultRetryAfterSeconds[codeOf(error)];
}

/** Builds the answer of an error. Only a `DomainError`'s own message is shown: texts of others may hold anything. */
export function toProblemDetails(error: unknown, requestId: string): ProblemDetails {
  const code = codeOf(error);
  const { status, title } = problemCodes[code];
  const own = error instanceof DomainError && code !== 'internal-error' ? error : undefined;
  return {
    type: `urn:restore-gateway:problem:${code}`,
    title,
    status,
    detail: own?.message ?? title,
    code,
    requestId,
    ...(own?.errors?.length ? { errors: own.errors } : {}),
  };
}
