import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import { type ProblemDetails, retryAfterSecondsOf, toProblemDetails } from './problem-details.js';

export interface ProblemDetailsFilterOptions {
  /** Turns errors of the HTTP framework into domain errors; anything unknown is returned as it came. */
  translate: (error: unknown) => unknown;
  /** Headers that belong to an error, such as `WWW-Authenticate`. */
  headersOf: (error: unknown) => Record<string, string>;
  /** Called once for each problem, before it is answered: the place for the log. */
  onProblem: (problem: ProblemDetails, error: unknown) => void;
}

/** The one place where an error becomes an answer, thrown in a hook, a guard, a pipe, a handler or by the framework. */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(private readonly options: ProblemDetailsFilterOptions) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = this.options.translate(thrown);
    const problem = toProblemDetails(error, reply.request.id);
    this.options.onProblem(problem, error);
    if (reply.raw.headersSent) {
      // Half an answer is out: cutting the connection is the only honest thing left to say.
      reply.raw.destroy();
      return;
    }
    const retryAfter = retryAfterSecondsOf(error);
    void reply
      .code(problem.status)
      .headers({
        ...this.options.headersOf(error),
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      })
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  }
}
