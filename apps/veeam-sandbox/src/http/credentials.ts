import type { RestoreCredentials } from '../world/microsoft-365.js';
import { badRequest } from '../world/sandbox-error.js';
import type { Fields } from './fields.js';

/** The names of the user's members, which bulk restores spell differently. */
interface UserMembers {
  readonly userName: string;
  readonly userPassword: string;
}

const application = ['applicationId', 'applicationCertificate', 'applicationCertificatePassword'] as const;

/** Exactly one of the three ways, complete. */
export function credentialsIn(
  members: Fields,
  user: UserMembers = { userName: 'userName', userPassword: 'userPassword' },
): RestoreCredentials {
  const isGiven = (name: string): boolean => members.text(name) !== undefined;
  const given = {
    user: Object.values(user).some(isGiven),
    application: application.some(isGiven),
    'device-code': isGiven('userCode'),
  };
  const ways = Object.values(given).filter(Boolean).length;
  if (ways === 0) throw badRequest(`Missing mandatory parameters: ${user.userName}`);
  if (ways > 1) throw badRequest('Only one authentication method can be specified.');
  if (given.user) {
    return {
      kind: 'user',
      userName: members.required(user.userName),
      userPassword: members.required(user.userPassword),
    };
  }
  if (given['device-code']) return { kind: 'device-code', userCode: members.required('userCode') };
  return {
    kind: 'application',
    applicationId: members.required('applicationId'),
    applicationCertificate: members.required('applicationCertificate'),
    applicationCertificatePassword: members.text('applicationCertificatePassword') ?? '',
  };
}
