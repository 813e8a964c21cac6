export { startVeeamSandbox } from './veeam-sandbox.js';
export type { VeeamSandbox, VeeamSandboxOptions } from './veeam-sandbox.options.js';
export { contoso, fabrikam, people } from './people.js';
export type { KnownOrganization, Person } from './people.js';
export type { SandboxControl } from './control/sandbox-control.js';
export type { AcceptedAction, CredentialsUsed } from './control/accepted-actions.js';
export type { Fault, FaultMatch, FaultRule, Hold, HoldStage } from './control/faults.js';
export type { ReceivedRequest } from './control/received-requests.js';
export type { Save } from './control/saves.js';
