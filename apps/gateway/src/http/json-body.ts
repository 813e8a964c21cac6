import type { IncomingHttpHeaders } from 'node:http';

import { UnsupportedMediaTypeError, ValidationFailedError } from '@app/problems';
import type { FastifyInstance } from 'fastify';

import { refuseCredentials } from './credentials.js';
import { isJsonObject } from './json-object.js';
import { parseStrictJson } from './strict-json.js';

/** 64 KiB: the mail text is the longest thing a caller may send. */
export const bodyLimitBytes = 65_536;

/**
 * Makes strict JSON objects in UTF-8 the only bodies this server reads. An absent body is `undefined`.
 *
 * Nest adds parsers of its own, so the application is created with `bodyParser: false`.
 */
export function acceptStrictJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: bodyLimitBytes },
    (request, body, done) => {
      try {
        done(null, body.length === 0 ? undefined : readBody(body, request.headers));
      } catch (error) {
        done(asError(error));
      }
    },
  );
  // Also the way of a body without a content type.
  fastify.addContentTypeParser('*', (request, _payload, done) => {
    // `curl -d ''` calls its nothing a form.
    const isEmpty = request.headers['content-length'] === '0';
    if (isEmpty || request.is404) {
      done(null, undefined);
    } else {
      done(new UnsupportedMediaTypeError('The body must be sent as application/json.'));
    }
  });
}

/**
 * @throws UnsupportedMediaTypeError for another charset or a content coding
 * @throws ValidationFailedError for what is not a strict JSON object
 * @throws CredentialsNotAcceptedError for credentials anywhere in it
 */
function readBody(body: Buffer, headers: IncomingHttpHeaders): object {
  if (!isPlainUtf8(headers)) {
    throw new UnsupportedMediaTypeError('The body must be UTF-8 and must not be compressed.');
  }
  const value = parseStrictJson(decodeUtf8(body));
  if (!isJsonObject(value)) {
    throw new ValidationFailedError([{ field: '', message: 'The body must be a JSON object.' }]);
  }
  refuseCredentials(value);
  return value;
}

function isPlainUtf8(headers: IncomingHttpHeaders): boolean {
  const charsets = [...(headers['content-type'] ?? '').matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/gi)];
  const coding = headers['content-encoding'] ?? 'identity';
  return charsets.every(([, charset]) => /^utf-?8$/i.test(charset ?? '')) && /^identity$/i.test(coding);
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new ValidationFailedError([{ field: '', message: 'The body is not valid UTF-8.' }]);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('Reading the body failed.', { cause: thrown });
}
