import type { PolicyText } from './policy-set.js';

/** Id of the policy that the emergency stop of the configuration adds; no other policy may have it. */
export const EMERGENCY_STOP = 'emergency-stop-switch';

/** Unconditional, so that the first stage of authorization refuses by it already. */
export const emergencyStop: PolicyText = {
  name: 'emergency stop of the configuration',
  text: `@id("${EMERGENCY_STOP}")
forbid (principal, action in [Action::"act", Action::"requestDeviceCode"], resource);`,
};
