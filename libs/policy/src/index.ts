export { EMERGENCY_STOP } from './emergency-stop.js';
export { mayOwnOneDrives } from './ownership.js';
export { DEFAULT_DENY, EVALUATION_ERROR, type FirstStageDecision, type PolicyDecision } from './policy-decision.js';
export { PolicyEngine } from './policy-engine.js';
export { defaultPolicyFolder, readPolicyFiles } from './policy-files.js';
export type * from './policy-question.js';
export { type PolicyFault, PolicySetError, type PolicySetTexts, type PolicyText } from './policy-set.js';
export { type PolicyReload, PolicySource, type PolicySourceOptions } from './policy-source.js';
