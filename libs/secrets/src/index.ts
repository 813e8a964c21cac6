export * from './secret.js';
export * from './secret-source.js';
export * from './scrubber.js';
export * from './secret-group.js';
export * from './secret-watch.js';
export * from './certificate.js';
