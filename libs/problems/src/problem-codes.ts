/**
 * The one table of problem codes: the HTTP status and title of each. docs/problems.md explains every code to
 * callers, and a test keeps that page and this table in step.
 */
export const problemCodes = {
  'validation-failed': { status: 400, title: 'The request is not well-formed' },
  'credentials-not-accepted': { status: 400, title: 'The gateway supplies the credentials; callers must not send any' },
  'token-missing': { status: 401, title: 'An access token is required' },
  'token-invalid': { status: 401, title: 'The access token is not accepted' },
  forbidden: { status: 403, title: 'The policy does not allow this' },
  'not-found': { status: 404, title: 'There is no such thing, or it is not yours' },
  'session-stopped': { status: 409, title: 'The restore session has ended' },
  'operation-conflict': { status: 409, title: 'Another operation is in the way' },
  'no-credential-profile': { status: 409, title: 'No credential profile serves this organization' },
  'email-not-set-up': { status: 409, title: 'E-mail is not set up on the backup server' },
  'device-code-not-confirmed': { status: 409, title: 'The device code has not been confirmed yet' },
  'payload-too-large': { status: 413, title: 'The request body is too large' },
  'unsupported-media-type': { status: 415, title: 'The request body must be application/json' },
  'not-supported-by-upstream': { status: 422, title: 'The version of the backup server cannot do this' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used for another request' },
  'before-first-backup': { status: 422, title: 'There is no backup as old as that' },
  'device-code-unknown': { status: 422, title: 'The device code was not issued to you for this restore session' },
  'device-code-expired': { status: 422, title: 'The device code has expired' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'too-many-downloads': { status: 429, title: 'Too many downloads at the same time' },
  'internal-error': { status: 500, title: 'The gateway failed' },
  'upstream-rejected': { status: 502, title: 'The backup server refused the request' },
  'upstream-login-failed': { status: 502, title: 'The gateway could not log in to the backup server' },
  'upstream-broken': { status: 502, title: 'The backup server gave no usable answer' },
  'upstream-unavailable': { status: 503, title: 'The backup server cannot be reached' },
  'store-unavailable': { status: 503, title: 'The database of the gateway cannot be reached' },
  'issuer-unavailable': { status: 503, title: 'The keys of the token issuer cannot be had' },
  'gateway-stopping': { status: 503, title: 'This replica of the gateway is stopping' },
  'upstream-timeout': { status: 504, title: 'The backup server did not answer in time' },
  'still-running': { status: 504, title: 'The operation goes on, but not within this request' },
  'http-version-not-supported': { status: 505, title: 'This download needs HTTP/1.1' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problemCodes;
