import type { Scrubber } from '@app/secrets';
import { types } from 'node:util';

/** What is logged of an error. Anything else an error carries (requests, headers, bodies, paths) stays out of the log. */
export interface ErrorFields {
  readonly name: string;
  readonly code?: string | number;
  /** HTTP status of a peer's answer. */
  readonly status?: number;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorFields;
  /** Of an AggregateError. */
  readonly errors?: readonly ErrorFields[];
}

const LONGEST_MESSAGE = 2_000;
const LONGEST_STACK = 6_000;
const DEEPEST_CAUSE = 5;
const DEEPEST_VALUE = 4;

/** Texts are scrubbed before they are cut, since half of a secret would not be recognised. */
export function errorFields(error: unknown, scrubber: Scrubber, depth = 0): ErrorFields {
  const cut = (text: unknown, longest: number) => {
    const scrubbed = scrubber.scrub(String(text));
    return scrubbed.length > longest ? `${scrubbed.slice(0, longest)}...` : scrubbed;
  };
  if (!isErrorLike(error)) return { name: typeof error, message: cut(error, LONGEST_MESSAGE) };
  const { name, message, stack, cause } = error;
  const status = 'status' in error ? error.status : undefined;
  const code = 'code' in error ? error.code : undefined;
  const errors: unknown = 'errors' in error && error instanceof AggregateError ? error.errors : undefined;
  const hasDeeper = depth < DEEPEST_CAUSE;
  return {
    name: cut(name, 100),
    ...(typeof code === 'string' && { code: cut(code, 100) }),
    ...(typeof code === 'number' && { code }),
    ...(typeof status === 'number' && { status }),
    message: cut(message, LONGEST_MESSAGE),
    ...(typeof stack === 'string' && { stack: cut(stack, LONGEST_STACK) }),
    ...(cause !== undefined && hasDeeper && { cause: errorFields(cause, scrubber, depth + 1) }),
    ...(Array.isArray(errors) &&
      hasDeeper && { errors: errors.slice(0, 5).map((inner) => errorFields(inner, scrubber, depth + 1)) }),
  };
}

/** Replaces errors anywhere in what is logged: their own `toJSON`, as Axios gives its errors one, would tell everything. */
export function withErrorFields(value: unknown, scrubber: Scrubber, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isError(value)) return errorFields(value, scrubber);
  if (!Array.isArray(value) && !isPlain(value)) return value;
  if (depth > DEEPEST_VALUE) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => withErrorFields(item, scrubber, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withErrorFields(item, scrubber, depth + 1)]),
  );
}

function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}

/** Causes may be plain objects, reduced from errors that held too much. */
function isErrorLike(value: unknown): value is Error {
  if (isError(value)) return true;
  if (typeof value !== 'object' || value === null || !('name' in value) || !('message' in value)) return false;
  return typeof value.name === 'string' && typeof value.message === 'string';
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
