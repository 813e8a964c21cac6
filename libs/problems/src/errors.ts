import { DomainError, type FieldError } from './domain-error.js';

export class ValidationFailedError extends DomainError {
  override readonly code = 'validation-failed';

  constructor(override readonly errors: readonly FieldError[]) {
    super(errors.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; '), { errors });
  }
}

export class CredentialsNotAcceptedError extends DomainError {
  override readonly code = 'credentials-not-accepted';

  /** @param fields the members that were sent; their values are never repeated. */
  constructor(fields: readonly string[]) {
    super('Leave the credentials out: the gateway supplies them.', {
      errors: fields.map((field) => ({ field, message: 'must not be sent' })),
    });
  }
}

export class TokenMissingError extends DomainError {
  override readonly code = 'token-missing';
}

export class TokenInvalidError extends DomainError {
  override readonly code = 'token-invalid';
}

export class ForbiddenError extends DomainError {
  override readonly code = 'forbidden';
}

/** Also for what exists but is not the caller's: the answer must not tell the two apart. */
export class NotFoundError extends DomainError {
  override readonly code = 'not-found';
}

export class SessionStoppedError extends DomainError {
  override readonly code = 'session-stopped';
}

export class OperationConflictError extends DomainError {
  override readonly code = 'operation-conflict';
}

export class NoCredentialProfileError extends DomainError {
  override readonly code = 'no-credential-profile';
}

export class EmailNotSetUpError extends DomainError {
  override readonly code = 'email-not-set-up';
}

export class DeviceCodeNotConfirmedError extends DomainError {
  override readonly code = 'device-code-not-confirmed';
}

export class PayloadTooLargeError extends DomainError {
  override readonly code = 'payload-too-large';
}

export class UnsupportedMediaTypeError extends DomainError {
  override readonly code = 'unsupported-media-type';
}

export class NotSupportedByUpstreamError extends DomainError {
  override readonly code = 'not-supported-by-upstream';
}

export class IdempotencyKeyReusedError extends DomainError {
  override readonly code = 'idempotency-key-reused';
}

export class BeforeFirstBackupError extends DomainError {
  override readonly code = 'before-first-backup';
}

export class DeviceCodeUnknownError extends DomainError {
  override readonly code = 'device-code-unknown';
}

export class DeviceCodeExpiredError extends DomainError {
  override readonly code = 'device-code-expired';
}

export class RateLimitedError extends DomainError {
  override readonly code = 'rate-limited';
}

export class TooManyDownloadsError extends DomainError {
  override readonly code = 'too-many-downloads';
}

export class InternalError extends DomainError {
  override readonly code = 'internal-error';
}

export class UpstreamRejectedError extends DomainError {
  override readonly code = 'upstream-rejected';
}

export class UpstreamLoginFailedError extends DomainError {
  override readonly code = 'upstream-login-failed';
}

export class UpstreamBrokenError extends DomainError {
  override readonly code = 'upstream-broken';
}

export class UpstreamUnavailableError extends DomainError {
  override readonly code = 'upstream-unavailable';
}

export class UpstreamTimeoutError extends DomainError {
  override readonly code = 'upstream-timeout';
}

export class StoreUnavailableError extends DomainError {
  override readonly code = 'store-unavailable';
}

export class IssuerUnavailableError extends DomainError {
  override readonly code = 'issuer-unavailable';
}

export class GatewayStoppingError extends DomainError {
  override readonly code = 'gateway-stopping';
}

export class StillRunningError extends DomainError {
  override readonly code = 'still-running';
}

export class HttpVersionNotSupportedError extends DomainError {
  override readonly code = 'http-version-not-supported';
}
