export * from './problem-codes.js';
export * from './domain-error.js';
export * from './errors.js';
