import type { ProblemCode } from './problem-codes.js';

/** One fault of one member of a request; `field` is a path such as `copyTo.oneDrive.id`. */
export interface FieldError {
  field: string;
  message: string;
}

interface DomainErrorOptions {
  /** What led to it. Logged, never shown to a caller. */
  cause?: unknown;
  errors?: readonly FieldError[];
  /** Seconds after which trying again makes sense. */
  retryAfterSeconds?: number;
}

/**
 * A failure with a meaning. Services throw these and know nothing of HTTP; `ProblemDetailsFilter` answers them.
 * `message` is shown to callers as `detail`: it holds no secret, no upstream text and no other person's data.
 */
export abstract class DomainError extends Error {
  abstract readonly code: ProblemCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: DomainErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
