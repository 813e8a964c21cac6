import { json, type Answer, type Exchange } from './api-version.js';
import type { Fields } from './fields.js';
import type { RestoreSession } from '../world/restore-sessions.js';

/** A code for one restore out of a session; the answer looks alike in all versions. */
export function issueDeviceCode({ world }: Exchange, session: RestoreSession, members: Fields): Answer {
  const { userCode, expiresInSeconds } = world.deviceCodes.issue(session.id, members.required('targetApplicationId'));
  const verificationUrl = 'https://microsoft.com/devicelogin';
  const message = `To sign in, use a web browser to open the page ${verificationUrl} and enter the code ${userCode} to authenticate.`;
  return json({ userCode, verificationUrl, expiresIn: expiresInSeconds, message });
}
