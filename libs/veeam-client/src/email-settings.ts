import { isNotFound } from './restore-sessions.js';
import type { Upstream } from './upstream.js';

/** Whether any of the settings that `send` may take is switched on. */
export async function isEmailEnabled(upstream: Upstream): Promise<boolean> {
  let missing: unknown;
  let isKnown = false;
  for (const settings of (await upstream.dialect()).emailSettings()) {
    try {
      if ((await upstream.call(() => settings)).isEnabled) return true;
      isKnown = true;
    } catch (error) {
      // A server without this kind of settings may have the other.
      if (!isNotFound(error)) throw error;
      missing = error;
    }
  }
  if (!isKnown) throw missing;
  return false;
}
