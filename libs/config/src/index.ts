export * from './configuration.js';
export * from './configuration-source.js';
export { DEVICE_CODE } from './credential-profiles.js';
export { ConfigurationError, type ConfigurationFault } from './faults.js';
export { loadConfiguration, reloadConfiguration } from './load-configuration.js';
export { loadMigrationConfiguration, type MigrationConfiguration } from './load-migration-configuration.js';
