/** The answer to a question. */
export interface PolicyDecision {
  readonly allowed: boolean;
  /**
   * The ids of the deciding policies, never empty: the permits of an allow, the forbids of a deny, the policies that
   * failed; `default-deny` when no policy permits, `evaluation-error` when the question could not be put at all.
   */
  readonly policies: readonly string[];
  /** What went wrong, for the log. Any error is a deny. */
  readonly errors: readonly string[];
}

/** Of a no, `policies` are the forbids that decide whatever the thing, or `default-deny`. */
export type FirstStageDecision = Pick<PolicyDecision, 'allowed' | 'policies'>;

export const DEFAULT_DENY = 'default-deny';
export const EVALUATION_ERROR = 'evaluation-error';
