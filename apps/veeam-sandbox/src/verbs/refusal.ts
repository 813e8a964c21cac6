import { json, type Answer } from '../http/api-version.js';
import type { SandboxError } from '../world/sandbox-error.js';
import { isSince, type VerbVersion } from './verb-version.js';

/** Stands in the stack trace of every refusal, and nowhere else. */
export const stackTraceMarker = 'Veeam.Archiver.REST.SandboxStackTraceMarker';

const errorCodes: ReadonlyMap<number, string> = new Map([
  [400, 'ParameterValidationFailure'],
  [403, 'ResourceAccessDenied'],
  [404, 'ResourceNotFound'],
  [409, 'OperationConflict'],
  [504, 'Timeout'],
]);

/** Error codes that tell something, and stack traces, begin with v8; v7 has a member for a code and fills it in for offline proxies only. */
export function refusalToWire({ status, message }: SandboxError, version: VerbVersion): Answer {
  if (!isSince({ version }, 'v8')) {
    return json({ message, ...(isSince({ version }, 'v7') && { errorCode: null }) }, status);
  }
  return json(
    {
      message,
      errorCode: errorCodes.get(status) ?? 'HttpError',
      stackTrace: `   at ${stackTraceMarker}.Throw(String message)\r\n   at ${stackTraceMarker}.Handle(HttpContext context)`,
    },
    status,
  );
}
