import { json, type Answer } from '../http/api-version.js';
import type { SandboxError } from '../world/sandbox-error.js';

/** Stands in the stack trace of every refusal, and nowhere else. */
export const stackTraceMarker = 'Veeam.Archiver.REST.SandboxStackTraceMarker';

const errorCodes: ReadonlyMap<number, string> = new Map([
  [400, 'ParameterValidationFailure'],
  [403, 'ResourceAccessDenied'],
  [404, 'ResourceNotFound'],
  [409, 'OperationConflict'],
  [504, 'Timeout'],
]);

export function refusalToWire({ status, message }: SandboxError): Answer {
  return json(
    {
      message,
      errorCode: errorCodes.get(status) ?? 'HttpError',
      stackTrace: `   at ${stackTraceMarker}.Throw(String message)\r\n   at ${stackTraceMarker}.Handle(HttpContext context)`,
    },
    status,
  );
}
