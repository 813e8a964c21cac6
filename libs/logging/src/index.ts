export * from './logger.js';
export * from './metrics.js';
export * from './nest-logger.js';
export * from './request-context.js';
export * from './request-log.js';
export * from './source-address.js';
export * from './trace-context.js';
