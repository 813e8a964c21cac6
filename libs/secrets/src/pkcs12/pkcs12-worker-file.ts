import { fileURLToPath } from 'node:url';

/**
 * What a thread is started with. A file of its own because Jest, which compiles modules as it loads them, has no hand in what a thread
 * loads: jest.config.cjs puts the like of it from spec-support/ in its place.
 */
export const workerFile = {
  path: fileURLToPath(new URL('./pkcs12-worker.js', import.meta.url)),
  /** Flags of Node.js: none of those that the process was started with. */
  execArgv: [] as string[],
};
