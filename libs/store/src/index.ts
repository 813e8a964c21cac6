export type { Ceiling } from './ceiling.js';
export * from './database.js';
export * from './device-codes.repository.js';
export * from './migrate.js';
export * from './operation.js';
export * from './operations.repository.js';
export * from './restore-sessions.repository.js';
export * from './upstream-servers.repository.js';
export { auditRecords } from './schema.js';
