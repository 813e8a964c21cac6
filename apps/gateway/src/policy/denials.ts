import { DEFAULT_DENY, EMERGENCY_STOP, type PolicyDecision } from '@app/policy';
import { ForbiddenError } from '@app/problems';

/** What is put on record where nothing permits it, as far as was asked. */
export const nothingPermits = { allowed: false, policies: [DEFAULT_DENY] };

/** In plain words where the deciding policy is one of ours; the ids of others are for the record, not for callers. */
const reasons = new Map([
  [EMERGENCY_STOP, 'All actions are stopped at the moment.'],
  ['send-to-an-allowed-recipient', 'Mail may not be sent to that domain.'],
  ['send-from-an-allowed-sender', 'Mail may only be sent from your own verified address or a configured sender.'],
]);

/** What a caller is told who may know of the thing, but not do this to it. */
export function denied(
  { policies }: Pick<PolicyDecision, 'policies'>,
  otherwise = 'The policy does not allow you this.',
): ForbiddenError {
  const reason = policies.map((id) => reasons.get(id)).find((text) => text !== undefined);
  return new ForbiddenError(reason ?? otherwise);
}

/** What the first stage refuses: it knows no thing. */
export function deniedAtAll(decision: Pick<PolicyDecision, 'policies'>): ForbiddenError {
  return denied(decision, 'The policy does not allow you this kind of thing.');
}
