import { fileURLToPath } from 'node:url';

/** In place of src/pkcs12/pkcs12-worker-file.ts: the same thread from its source, compiled as Node.js loads it. */
export const workerFile = {
  path: fileURLToPath(new URL('../src/pkcs12/pkcs12-worker.ts', import.meta.url)),
  execArgv: ['--import', new URL('./typescript-loader.mjs', import.meta.url).href],
};
