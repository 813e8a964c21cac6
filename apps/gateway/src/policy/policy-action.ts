import type { PolicyAction } from '@app/policy';

/** What a route declares: an action of the policy, or `act` for a route whose body says which of the four it means. */
export type RouteAction = PolicyAction | 'act';
