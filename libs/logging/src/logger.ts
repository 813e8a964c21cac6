import type { LogLevel } from '@app/config';
import type { Scrubber } from '@app/secrets';
import { pino, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { withErrorFields } from './error-fields.js';
import { currentRequestContext } from './request-context.js';

/** Writes JSON lines. Fields are chosen where a line is written: whole requests, answers or bodies are never passed. */
export type Logger = PinoLogger;

interface LoggerOptions {
  readonly level: LogLevel;
  /** Sees every line before it is written. */
  readonly scrubber: Scrubber;
  /** Default: the standard output. */
  readonly destination?: DestinationStream;
}

/**
 * Every line has `level` as a word, `time` in ISO 8601, and `requestId` and `traceId` where it is written for a request. Of errors
 * only name, code, message, stack and causes are written.
 */
export function createLogger({ level, scrubber, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => withErrorFields(fields, scrubber) as Record<string, unknown>,
    },
    serializers: { err: (fields: unknown) => withErrorFields(fields, scrubber) },
    mixin: requestFields,
    hooks: { streamWrite: (line: string) => scrubLine(line, scrubber) },
  };
  return destination ? pino(options, destination) : pino(options);
}

function requestFields(): object {
  const context = currentRequestContext();
  return context ? { requestId: context.requestId, traceId: context.traceId } : {};
}

/** A secret that holds quotes or begins like an escape may take a piece of the JSON with it: such a line is given up. */
function scrubLine(line: string, scrubber: Scrubber): string {
  const scrubbed = scrubber.scrub(line);
  if (scrubbed === line || isJson(scrubbed)) return scrubbed;
  const { level, time } = JSON.parse(line) as { level: unknown; time: unknown };
  return `${JSON.stringify({ level, time, msg: 'a line that held a secret was dropped' })}\n`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
