import type { EmailSettingsCalls } from './dialects/dialect.js';
import type { EmailExplorer, EmailReadiness, EmailSettings, MissingEmailSetting, NewEmailSettings } from './model.js';
import { isNotFound } from './restore-sessions.js';
import type { Upstream } from './upstream.js';

/** Whether any of the settings that `send` may take is complete, and if none is what lacks in the first the server has. */
export async function emailReadiness(upstream: Upstream): Promise<EmailReadiness> {
  const lacking: (readonly MissingEmailSetting[])[] = [];
  await ofEveryExplorer(upstream, async ({ explorer, read }) => {
    const settings = await upstream.call(read);
    const missing = lacks.filter(({ isMissing }) => isMissing(settings));
    lacking.push(missing.map(({ setting, message }) => ({ explorer, setting, message })));
    return missing.length === 0;
  });
  const isReady = lacking.some((missing) => missing.length === 0);
  return { isReady, missing: isReady ? [] : (lacking[0] ?? []) };
}

/**
 * Changes the settings of every explorer the server has: which of them `send` takes is not documented the same for all versions.
 * @returns the explorers whose settings were changed
 */
export async function changeEmailSettings(upstream: Upstream, settings: NewEmailSettings): Promise<EmailExplorer[]> {
  return ofEveryExplorer(upstream, async ({ change }) => {
    await upstream.call(() => change(settings));
    return false;
  });
}

/**
 * @param use says whether it is enough, and the others are not needed
 * @returns the explorers looked at whose settings the server has; throws when it has none
 */
async function ofEveryExplorer(
  upstream: Upstream,
  use: (calls: EmailSettingsCalls) => Promise<boolean>,
): Promise<EmailExplorer[]> {
  const found: EmailExplorer[] = [];
  let missing: unknown;
  for (const calls of (await upstream.dialect()).emailSettings) {
    try {
      const isEnough = await use(calls);
      found.push(calls.explorer);
      if (isEnough) break;
    } catch (error) {
      // A server without this kind of settings may have the other.
      if (!isNotFound(error)) throw error;
      missing = error;
    }
  }
  if (found.length === 0) throw missing;
  return found;
}

interface Lack extends Omit<MissingEmailSetting, 'explorer'> {
  readonly isMissing: (settings: EmailSettings) => boolean;
}

const lacks: readonly Lack[] = [
  {
    setting: 'isEnabled',
    message: 'Sending e-mail is switched off.',
    isMissing: ({ isEnabled }) => !isEnabled,
  },
  {
    setting: 'server',
    message: 'No mail server is named.',
    isMissing: ({ server, consent }) => consent === 'not-needed' && !server,
  },
  {
    setting: 'userName',
    message: 'The mail server wants a login and no user is named.',
    isMissing: ({ needsLogin, userName, consent }) => consent === 'not-needed' && needsLogin && !userName,
  },
  {
    setting: 'consent',
    message: 'Nobody has signed in at the mail service yet: an administrator does that on the backup server.',
    isMissing: ({ consent }) => consent === 'missing',
  },
];
