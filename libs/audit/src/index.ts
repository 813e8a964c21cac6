export type { AuditFilters, AuditScope } from './audit-filters.js';
export * from './audit-reader.js';
export * from './audit-record.js';
export * from './audit-writer.js';
export type { ChainHead } from './chain.js';
export type { ChainFault } from './chain-check.js';
export * from './export.js';
export * from './exported-heads.js';
export * from './verify.js';
