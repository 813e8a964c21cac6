import { InternalError } from '@app/problems';

import type { OperationState } from './operation.js';

/** One way an operation goes from one state to another, and what it takes. */
interface Transition {
  readonly from: OperationState;
  readonly to: OperationState;
  readonly when: string;
}

/**
 * Every way there is; docs/architecture.md shows them as a picture. What is written of an operation is written by one of these, guarded by
 * the state it comes from and by the epoch of the claim it was decided under.
 */
export const transitions = [
  { from: 'accepted', to: 'submitting', when: 'a replica claimed it' },
  { from: 'accepted', to: 'canceled', when: 'the caller no longer wants it' },
  { from: 'accepted', to: 'failed', when: 'it waited too long, or the device code is gone with its replica' },
  { from: 'submitting', to: 'accepted', when: 'provably nothing of it took effect upstream' },
  { from: 'submitting', to: 'following', when: 'upstream goes on by itself and gave an id to follow' },
  { from: 'submitting', to: 'succeeded', when: 'upstream said so' },
  { from: 'submitting', to: 'partially-succeeded', when: 'upstream said so' },
  { from: 'submitting', to: 'failed', when: 'upstream said so, it is no longer permitted, or a download broke off' },
  { from: 'submitting', to: 'interrupted', when: 'it was sent, and nobody knows the answer' },
  { from: 'following', to: 'following', when: 'another replica took it over' },
  { from: 'following', to: 'succeeded', when: 'upstream said so' },
  { from: 'following', to: 'partially-succeeded', when: 'upstream said so' },
  { from: 'following', to: 'failed', when: 'upstream said so' },
  { from: 'following', to: 'interrupted', when: 'upstream no longer knows it, or it was followed too long' },
] as const satisfies readonly Transition[];

/**
 * The states an operation may be in to get into that one, of those that are thought of.
 * @throws InternalError when there is no such way
 */
export function requireTransitions(from: readonly OperationState[], to: OperationState): void {
  const missing = from.filter((state) => !transitions.some((known) => known.from === state && known.to === to));
  if (missing.length > 0) {
    throw new InternalError(`An operation does not go from ${missing.join(' or ')} to ${to}.`);
  }
}
