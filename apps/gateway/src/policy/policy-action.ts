import type { Action } from '../actions/action-request.js';

/** What the policy decides about. Every route declares one; `act` is a route whose body says which action it means. */
export type PolicyAction =
  | 'listOrganizations'
  | 'openRestoreSession'
  | 'useRestoreSession'
  | 'browse'
  | 'requestDeviceCode'
  | 'readOperations'
  | 'act'
  | Action;
