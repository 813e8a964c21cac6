import type { RoleBinding } from '@app/config';
import type { Principal } from './principal.js';

type Bearer = Pick<Principal, 'issuer' | 'groups' | 'roles' | 'scopes' | 'organizations'>;

/**
 * The organizations in which the bearer has the role: those of each binding that matches, but none the bearer's issuer may not speak for.
 * Bindings are not mixed: a role in one organization and a group in another add up to nothing.
 */
export function organizationsOf(
  role: RoleBinding['role'],
  bearer: Bearer,
  bindings: readonly RoleBinding[],
): ReadonlySet<string> {
  const matching = bindings.filter((binding) => binding.role === role && matches(binding, bearer));
  const named = matching.flatMap((binding) => binding.organizations);
  return new Set(named.filter((organization) => bearer.organizations.includes(organization)));
}

function matches({ issuer, group, tokenRole, scope }: RoleBinding, bearer: Bearer): boolean {
  const conditions = [
    issuer === undefined || issuer === bearer.issuer,
    group === undefined || bearer.groups.includes(group),
    tokenRole === undefined || bearer.roles.includes(tokenRole),
    scope === undefined || bearer.scopes.includes(scope),
  ];
  const isConditional = [issuer, group, tokenRole, scope].some((condition) => condition !== undefined);
  return isConditional && conditions.every(Boolean);
}
