import { SetMetadata } from '@nestjs/common';

import type { RouteAction } from './policy-action.js';

export const POLICY_ACTION = 'policy-action';

/** Declares what a route does, for the policy. A route without it (and not `@Public()`) stops the start. */
export const Requires = (action: RouteAction) => SetMetadata(POLICY_ACTION, action);
