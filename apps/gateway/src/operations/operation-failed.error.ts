import { DomainError, type ProblemCode } from '@app/problems';
import type { Operation } from '@app/store';

/** An operation that ended without success, for surfaces that answer with its end. */
export class OperationFailedError extends DomainError {
  override readonly code: ProblemCode;

  constructor({ problem, state }: Operation) {
    super(problem?.detail ?? `The operation was ${state}.`);
    this.code =
      (problem?.code as ProblemCode | undefined) ?? (state === 'canceled' ? 'operation-conflict' : 'upstream-broken');
  }
}
