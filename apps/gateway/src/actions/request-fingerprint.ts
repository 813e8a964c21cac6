import { createHash } from 'node:crypto';

import { canonicalJson } from '@app/audit';

import type { ActionRequest } from './action-request.js';

/** Where an action happens, as the caller named it: in short, the path of its route. */
type RequestTarget = Readonly<Record<string, unknown>>;

/**
 * Digest of a request after validation, every default written out: method, path and body (which action on what, with which members) in
 * their one canonical form. It is kept longer than what it is made of, and by some who may not read that; so what is secret or will be
 * erased goes in as a keyed hash.
 *
 * @throws InternalError for a member that has no canonical form, such as a `Secret` that nobody thought of here
 */
export function requestFingerprint(
  target: RequestTarget,
  request: ActionRequest,
  keyedHash: (text: string) => string,
): string {
  const body =
    request.action === 'send'
      ? { ...request, subject: keyedHash(request.subject), text: keyedHash(request.text) }
      : {
          ...request,
          ...('userCode' in request && { userCode: request.userCode && keyedHash(request.userCode.expose()) }),
        };
  return createHash('sha256').update(canonicalJson({ target, body })).digest('base64url');
}
