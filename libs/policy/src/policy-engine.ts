import { createHash } from 'node:crypto';

import type { Principal } from '@app/identity';
import {
  type AuthorizationAnswer,
  type CheckParseAnswer,
  type EntityJson,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';

import { actionEntities, toCedarRequest, toGuardRequest } from './cedar-request.js';
import { guardPolicies } from './guard-policies.js';
import { DEFAULT_DENY, EVALUATION_ERROR, type FirstStageDecision, type PolicyDecision } from './policy-decision.js';
import type { PolicyAction, PolicyQuestion } from './policy-question.js';
import { type PolicySet, type PolicySetTexts, readPolicySet } from './policy-set.js';

/** Decides by one set of Cedar policies. Deny by default; a forbid wins; an error is a deny. */
export class PolicyEngine {
  /** By digest. Cedar keeps what it has parsed under its name for good, so this costs nothing more. */
  private static readonly loaded = new Map<string, PolicyEngine>();
  private readonly guardSet: string;

  private constructor(
    /** SHA-256, in hex, over the schema and the names and texts of the policies. */
    readonly digest: string,
    readonly policyIds: readonly string[],
    private readonly actions: readonly EntityJson[],
  ) {
    this.guardSet = guardSetOf(digest);
  }

  /**
   * Checking a set takes a tenth of a second in which nothing else is served, so one that was loaded before, as when an
   * emergency stop is over, is not checked again.
   * @throws PolicySetError with every fault of every file
   */
  static load(texts: PolicySetTexts): PolicyEngine {
    const digest = digestOf(texts);
    const engine = PolicyEngine.loaded.get(digest) ?? PolicyEngine.parse(digest, texts);
    PolicyEngine.loaded.set(digest, engine);
    return engine;
  }

  private static parse(digest: string, texts: PolicySetTexts): PolicyEngine {
    const policies = readPolicySet(texts);
    mustParse(preparseSchema(digest, texts.schemaText));
    mustParse(preparsePolicySet(digest, { staticPolicies: textsOf(policies) }));
    mustParse(preparsePolicySet(guardSetOf(digest), { staticPolicies: guardPolicies(policies) }));
    return new PolicyEngine(digest, [...policies.keys()].sort(), actionEntities(texts.schemaText));
  }

  /** About half a millisecond, more for a caller with hundreds of groups. */
  decide(question: PolicyQuestion): PolicyDecision {
    try {
      return toDecision(
        statefulIsAuthorized({
          ...toCedarRequest(question),
          validateRequest: true,
          preparsedSchemaName: this.digest,
          preparsedPolicySetId: this.digest,
        }),
      );
    } catch (error) {
      return { allowed: false, policies: [EVALUATION_ERROR], errors: [String(error)] };
    }
  }

  /**
   * The decision of the first stage: could there be anything at all that this caller may do this to, as far as can be said
   * before upstream is asked? A no is final; a yes says nothing of the thing, nor by which policy it would be permitted.
   */
  firstStage(principal: Principal, action: PolicyAction): FirstStageDecision {
    try {
      const answer = statefulIsAuthorized({
        ...toGuardRequest(principal, action, this.actions),
        preparsedPolicySetId: this.guardSet,
      });
      // A policy that fails here need not fail in the real question.
      if (hasErrors(answer)) return { allowed: true, policies: [] };
      const { allowed, policies } = toDecision(answer);
      return { allowed, policies };
    } catch {
      // Such a caller cannot be asked about at all, whatever the thing.
      return { allowed: false, policies: [EVALUATION_ERROR] };
    }
  }
}

/** SHA-256 in hex; the order of the files does not matter. */
export function digestOf({ schemaText, policies }: PolicySetTexts): string {
  const files = policies.map(({ name, text }) => JSON.stringify([name, text])).sort();
  return createHash('sha256')
    .update(JSON.stringify([schemaText, files]))
    .digest('hex');
}

function textsOf(policies: PolicySet): Record<string, string> {
  return Object.fromEntries([...policies].map(([id, { text }]) => [id, text]));
}

function guardSetOf(digest: string): string {
  return `${digest} guard`;
}

function mustParse(answer: CheckParseAnswer): void {
  if (answer.type === 'failure') {
    throw new Error(`Cedar refuses what it has checked: ${answer.errors.map(({ message }) => message).join('; ')}`);
  }
}

function toDecision(answer: AuthorizationAnswer): PolicyDecision {
  if (answer.type === 'failure') {
    return { allowed: false, policies: [EVALUATION_ERROR], errors: answer.errors.map(({ message }) => message) };
  }
  const { decision, diagnostics } = answer.response;
  const deciding = [...diagnostics.reason].sort();
  if (hasErrors(answer)) {
    // One of the policies that failed may be a forbid, which Cedar leaves out.
    const failed = diagnostics.errors.map(({ policyId }) => policyId);
    return {
      allowed: false,
      policies: decision === 'deny' && deciding.length > 0 ? deciding : failed.sort(),
      errors: diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`),
    };
  }
  return { allowed: decision === 'allow', policies: deciding.length > 0 ? deciding : [DEFAULT_DENY], errors: [] };
}

function hasErrors(answer: AuthorizationAnswer): boolean {
  return answer.type === 'success' && answer.response.diagnostics.errors.length > 0;
}
