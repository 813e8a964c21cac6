import {
  type DomainError,
  PayloadTooLargeError,
  toProblemDetails,
  UnsupportedMediaTypeError,
  ValidationFailedError,
} from '@app/problems';
import { HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { bodyLimitBytes } from './json-body.js';

const refusedPath = () => refused('path', 'is not well-formed or too long');

/** What Fastify refuses by itself, by its error codes. The texts are ours: Fastify's repeat the caller's path. */
const domainErrors = new Map<unknown, () => DomainError>([
  ['FST_ERR_CTP_BODY_TOO_LARGE', () => new PayloadTooLargeError(`The body may have ${bodyLimitBytes} bytes at most.`)],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', () => new UnsupportedMediaTypeError('The body must be sent as application/json.')],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', () => refused('', 'The body is empty.')],
  ['FST_ERR_CTP_INVALID_JSON_BODY', () => refused('', 'The body is not valid JSON.')],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', () => refused('', 'The body is not as long as its Content-Length.')],
  ['FST_ERR_BAD_URL', refusedPath],
  ['FST_ERR_INVALID_URL', refusedPath],
  ['FST_ERR_MAX_PARAM_LENGTH', refusedPath],
  // Fastify's body reader passes the socket's error on when the caller leaves in the middle of a body.
  ['ECONNRESET', () => refused('', 'The body was cut off.')],
]);

/**
 * The domain error for a failure of the caller's that Fastify found; undefined for anything else. Nest hands such
 * failures to its filters as an `HttpException` with Fastify's own error as the cause.
 */
export function fromFastifyError(error: unknown): DomainError | undefined {
  const origin = error instanceof HttpException ? error.cause : error;
  if (!(origin instanceof Error) || !('code' in origin) || !('statusCode' in origin)) {
    return undefined;
  }
  return domainErrors.get(origin.code)?.();
}

/**
 * Fastify's `frameworkErrors`: what its router refuses gets to no hook and no filter of Nest, and Fastify's own answer
 * repeats the path.
 */
export function answerRouterError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblemDetails(fromFastifyError(error) ?? error, request.id);
  void reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}

function refused(field: string, message: string): ValidationFailedError {
  return new ValidationFailedError([{ field, message }]);
}
