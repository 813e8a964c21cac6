import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Writes the lines of Nest itself through the gateway's logger. Nest passes the name of the writing class last. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('info', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest may pass a stack before the name. */
  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  #write(level: Level, message: unknown, rest: readonly unknown[]): void {
    const given = rest.filter((item) => item !== undefined);
    const last = given.at(-1);
    const hasContext = typeof last === 'string' && !isStack(last);
    const details = hasContext ? given.slice(0, -1) : given;
    const stack = details.find((item) => typeof item === 'string' && isStack(item));
    const others = details.filter((item) => item !== stack);
    const fields = {
      ...(hasContext && { context: last }),
      ...(message instanceof Error ? { err: message } : typeof message !== 'string' && { details: message }),
      ...(stack !== undefined && { stack }),
      ...(others.length > 0 && { others }),
    };
    const text = message instanceof Error ? message.message : typeof message === 'string' ? message : undefined;
    this.logger[level](fields, text);
  }
}

function isStack(text: string): boolean {
  return /\n\s+at /.test(text);
}
