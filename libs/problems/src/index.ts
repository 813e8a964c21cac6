export * from './problem-codes.js';
export * from './domain-error.js';
export * from './errors.js';
export * from './problem-details.js';
export * from './problem-details.filter.js';
