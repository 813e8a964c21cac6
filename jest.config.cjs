const { availableParallelism } = require('node:os');

// Nest 12 and several dependencies are pure ESM; Jest's native ESM mode breaks on CJS packages that
// require them, so everything, node_modules included, is transformed to CommonJS by SWC.
const base = {
  testEnvironment: 'node',
  transform: { '^.+\\.(m?[jt]s)$': '@swc/jest' },
  transformIgnorePatterns: [],
  // Modules run in a context whose globals are looked up through a slow hook: half of drizzle's time went there. These
  // are parameters of each module instead. Names that a spec replaces (Date, timers, fetch) or that a package declares
  // for itself (Buffer, process) cannot be among them.
  sandboxInjectedGlobals: [
    ...['Array', 'Error', 'JSON', 'Map', 'Math', 'Number', 'Object', 'Promise', 'Reflect', 'RegExp', 'Set', 'String'],
    ...['Symbol', 'TypeError', 'Uint8Array', 'WeakMap'],
  ],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  moduleNameMapper: {
    // What a thread loads, Jest does not compile.
    '/pkcs12-worker-file\\.js$': '<rootDir>/libs/secrets/spec-support/pkcs12-worker-file.ts',
    '^@app/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

module.exports = {
  // Jest leaves one core free, which on the two of a small machine is half of it.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  // What a spec file leaves behind in a worker (storages that Node.js carries through every promise, 30 MB of modules) makes
  // the files after it slower: after thirty the next takes more than twice the time. A fresh worker costs three seconds.
  workerIdleMemoryLimit: '700MB',
  // Specs of the whole house start half a dozen servers; on a busy machine that takes longer than Jest's 5 s.
  testTimeout: 30_000,
  projects: [
    {
      ...base,
      displayName: 'unit',
      roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/scripts'],
      testMatch: ['**/*.spec.ts'],
    },
    {
      ...base,
      displayName: 'e2e',
      roots: ['<rootDir>/test'],
      testMatch: ['**/*.e2e-spec.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
  ],
};
