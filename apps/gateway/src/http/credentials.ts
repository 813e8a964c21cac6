import { CredentialsNotAcceptedError } from '@app/problems';

import { lowerCaseAscii } from './ascii.js';
import { fieldPath } from './field-path.js';

/** Every name under which some version or form of the upstream API takes a credential. */
const credentialNames = new Set(
  [
    'userName',
    'userPassword',
    'applicationId',
    'applicationCertificate',
    'applicationCertificatePassword',
    'officeUsername',
    'officePassword',
    'officeUserpassword',
    'onPremisesUsername',
    'onPremisesPassword',
    'onPremisesUserpassword',
  ].map(lowerCaseAscii),
);

const mostFields = 20;

/**
 * Refuses a body that holds credentials at any depth, before anything else is said about it: what is not read cannot
 * be logged, stored or sent on.
 *
 * @param body parsed JSON of bounded depth
 * @throws CredentialsNotAcceptedError naming the members
 */
export function refuseCredentials(body: unknown): void {
  const fields = [...credentialPaths(body, [])];
  if (fields.length > 0) {
    throw new CredentialsNotAcceptedError(fields.slice(0, mostFields));
  }
}

function* credentialPaths(value: unknown, path: readonly string[]): Generator<string> {
  if (typeof value !== 'object' || value === null) {
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    const memberPath = [...path, key];
    if (!Array.isArray(value) && credentialNames.has(lowerCaseAscii(key))) {
      yield fieldPath(memberPath);
    }
    yield* credentialPaths(member, memberPath);
  }
}
