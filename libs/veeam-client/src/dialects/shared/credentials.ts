import type { RestoreCredentials } from '../../model.js';
import type { WireValue } from '../../wire/body.js';

/** Exactly one way to log in: upstream does not say what it would do with two. */
export function credentialFields(credentials: RestoreCredentials): Record<string, WireValue> {
  switch (credentials.kind) {
    case 'user':
      return { userName: credentials.userName, userPassword: credentials.password };
    case 'application':
      return {
        applicationId: credentials.applicationId,
        applicationCertificate: credentials.certificate,
        applicationCertificatePassword: credentials.certificatePassword,
      };
    case 'device-code':
      return { userCode: credentials.userCode };
  }
}
