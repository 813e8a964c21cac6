export * from './model.js';
export * from './errors.js';
export * from './options.js';
export { type Capabilities, demandAction, type WantedAction } from './dialects/capabilities.js';
export { capabilitiesOf } from './dialects/index.js';
export type { OpenRestoreSessionOptions, SaveOptions } from './dialects/dialect.js';
export type { ListedItems } from './dialects/shared/items.js';
export {
  type Answers,
  type BackupServer,
  BackupServers,
  type MissingServer,
  type ServedOrganization,
} from './backup-servers.js';
export { VeeamClient } from './veeam-client.js';
