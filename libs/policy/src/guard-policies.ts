import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

import type { PolicySet } from './policy-set.js';

/**
 * The policies of the first stage, made from the real ones so that they cannot drift apart. At that stage the caller
 * and the action are known, but not the thing, the circumstances and what the caller owns. So every condition on these
 * is taken as met in a permit, and a forbid that has one is left out. Whatever the real policies allow, these allow.
 */
export function guardPolicies(policies: PolicySet): Record<string, PolicyJson> {
  const kept = [...policies].flatMap(([id, { json: policy }]): [string, PolicyJson][] => {
    if (policy.effect === 'permit') {
      return [[id, weakened(policy)]];
    }
    return isKnown(policy.conditions) && policy.resource.op === 'All' ? [[id, policy]] : [];
  });
  return Object.fromEntries(kept);
}

/** What of the caller is known only once upstream was asked. */
const learntLater: readonly unknown[] = ['owns', 'ownOrganizations'];

const ALWAYS: Expr = { Value: true };

function weakened(policy: PolicyJson): PolicyJson {
  return {
    ...policy,
    resource: { op: 'All' },
    conditions: policy.conditions.flatMap(({ kind, body }): Clause[] => {
      if (kind === 'unless') {
        return isKnown(body) ? [{ kind, body }] : [];
      }
      return [{ kind, body: weakenedExpression(body) }];
    }),
  };
}

/** An expression that is true at least wherever the given one is. */
function weakenedExpression(expression: Expr): Expr {
  if (isKnown(expression)) {
    return expression;
  }
  if ('&&' in expression) {
    return { '&&': weakenedSides(expression['&&']) };
  }
  if ('||' in expression) {
    return { '||': weakenedSides(expression['||']) };
  }
  // Nothing is a member of an empty set, so a caller who operates no organization does not operate this one.
  const set = setOfCaller(expression);
  return set === undefined ? ALWAYS : { '!': { arg: { isEmpty: { arg: set } } } };
}

function weakenedSides(sides: unknown): { left: Expr; right: Expr } {
  const { left, right } = sides as { left: Expr; right: Expr };
  return { left: weakenedExpression(left), right: weakenedExpression(right) };
}

/** The set in `x in principal.set` and `principal.set.contains(x)`. */
function setOfCaller(expression: Expr): Expr | undefined {
  const { in: membership, contains } = expression as Partial<Record<'in' | 'contains', { left: Expr; right: Expr }>>;
  const set = membership?.right ?? contains?.left;
  return set !== undefined && isAttributeOfCaller(set) ? set : undefined;
}

function isAttributeOfCaller(expression: Expr): boolean {
  const { '.': access } = expression as { '.'?: { left: unknown } };
  return access !== undefined && JSON.stringify(access.left) === JSON.stringify({ Var: 'principal' });
}

/** Whether it speaks of nothing but the caller and the action, as far as they are known before upstream is asked. */
function isKnown(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) {
    // A number that JavaScript has rounded is not the one of the policy.
    return typeof node !== 'number' || Number.isSafeInteger(node);
  }
  if ('Var' in node) {
    return node.Var === 'principal' || node.Var === 'action';
  }
  if ('.' in node && learntLater.includes((node['.'] as { attr: unknown }).attr)) {
    return false;
  }
  // The names in a record literal are anybody's, and could look like the operators above.
  return !('Record' in node) && Object.values(node).every(isKnown);
}
