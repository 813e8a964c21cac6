import { ValidationFailedError } from '@app/problems';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Refuses the header rather than ignore it: a caller who sends it relies on what is not done yet. */
@Injectable()
export class IdempotencyKeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (headers['idempotency-key'] !== undefined) {
      throw new ValidationFailedError([{ field: 'Idempotency-Key', message: 'is not supported yet' }]);
    }
    return true;
  }
}
