import type { ErrorCodeMeaning } from '../../wire/refusal.js';

/** Every `errorCode` of the vendor's document but `HttpError`, which says nothing beyond the status. */
export const errorCodes: Readonly<Record<string, ErrorCodeMeaning>> = {
  ResourceNotFound: 'not-found',
  ParameterValidationFailure: 'invalid',
  ResourceAccessDenied: 'refused',
  RepositoryOwnerChangeTooManyLinks: 'refused',
  OperationConflict: 'conflict',
  OrganizationTransfer: 'conflict',
  OutdatedChangeToken: 'conflict',
  Timeout: 'timeout',
  ProxyOffline: 'unavailable',
};
