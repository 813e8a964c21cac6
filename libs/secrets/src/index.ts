export * from './secret.js';
export * from './secret-source.js';
export * from './scrubber.js';
export * from './certificate.js';
