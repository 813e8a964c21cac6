import { ValidationFailedError } from '@app/problems';
import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

const TAKES_IDEMPOTENCY_KEY = 'takes-idempotency-key';
const field = 'Idempotency-Key';

/** Visible ASCII, of which a quote is one like any other: the key is what was sent, character by character. */
const wellFormed = /^[\x21-\x7e]{1,255}$/;

/** The route takes an `Idempotency-Key`; everywhere else a POST with one is refused. */
export const TakesIdempotencyKey = () =>
  applyDecorators(
    SetMetadata(TAKES_IDEMPOTENCY_KEY, true),
    ApiHeader({
      name: field,
      required: false,
      description:
        'A name of yours for this request, such as a UUID: sent again with the same name it is not done again, but answered with the same operation.',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
    }),
  );

/** The `Idempotency-Key` of the request, if it has one. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext) => keysOf(context)[0]);

/** Refuses the header where it is not taken rather than ignore it: a caller who sends it relies on it. */
@Injectable()
export class IdempotencyKeyGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const [key, ...more] = keysOf(context);
    if (key === undefined || context.switchToHttp().getRequest<FastifyRequest>().method !== 'POST') {
      return true;
    }
    if (!this.reflector.get<boolean | undefined>(TAKES_IDEMPOTENCY_KEY, context.getHandler())) {
      throw invalid('is taken by restore, copy, send and /restores of /api/v1 only');
    }
    if (more.length > 0) {
      throw invalid('must be there once');
    }
    if (!wellFormed.test(key)) {
      throw invalid('must be 1 to 255 visible ASCII characters');
    }
    return true;
  }
}

/** One for each line of the header: joined, two would read like one. */
function keysOf(context: ExecutionContext): readonly string[] {
  return context.switchToHttp().getRequest<FastifyRequest>().raw.headersDistinct['idempotency-key'] ?? [];
}

function invalid(message: string): ValidationFailedError {
  return new ValidationFailedError([{ field, message }]);
}
