export * from './access-token-authenticator.js';
export * from './access-token.guard.js';
export { authenticateRequests, isExempt, principalOf } from './authenticate-requests.js';
export { challenge } from './challenge.js';
export * from './current-principal.decorator.js';
export type { IssuerKeysState } from './issuer-keys.js';
export * from './principal.js';
export * from './public.decorator.js';
export { TokenRefusedError, type TokenRefusal } from './refusal.js';
