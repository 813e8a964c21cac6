import { type Clock, SystemClock } from '@app/clock';
import { Worker } from 'node:worker_threads';

import type { CertificateFacts } from './pkcs12/open-certificate.js';
import type { Pkcs12WorkerAnswer, Pkcs12WorkerData } from './pkcs12/pkcs12-worker.js';
import { workerFile } from './pkcs12/pkcs12-worker-file.js';
import { SecretSourceError } from './secret-source.js';
import type { Secret } from './secret.js';

export type { CertificateFacts };

/** Longest that opening one file may take, ms; a usual one takes some tens. */
const PATIENCE_MS = 10_000;
/** MiB of the heap; enough for a file of the largest size in its smallest pieces. */
const HEAP_MIB = 64;

/**
 * Opens a certificate of the form `pfx` with its password, in a thread of its own, and looks whether it can be used to log in now: it has one
 * private key, the certificate of that key, and the certificate is valid.
 *
 * @param clock tells whether it is valid now
 * @param timer of how long the thread may take: that is time of the processor, which passes while a clock stands still, or leaps
 * @throws SecretSourceError with what is wrong with it
 */
export async function checkCertificate(
  certificate: Secret,
  password: Secret,
  clock: Clock,
  timer: Clock = new SystemClock(),
): Promise<CertificateFacts> {
  const file = Buffer.from(certificate.expose(), 'base64');
  const answer = await inThread({ file, password: password.expose() }, timer);
  if ('rule' in answer) throw new SecretSourceError(answer.rule);
  const { facts } = answer;
  const now = clock.now();
  if (now < facts.notBefore.getTime()) {
    throw new SecretSourceError(`is not valid before ${facts.notBefore.toISOString()}`);
  }
  if (now > facts.notAfter.getTime()) throw new SecretSourceError(`has expired at ${facts.notAfter.toISOString()}`);
  return facts;
}

async function inThread(data: Pkcs12WorkerData, timer: Clock): Promise<Pkcs12WorkerAnswer> {
  const thread = new Worker(workerFile.path, {
    workerData: data,
    // It needs nothing of the environment, where other secrets may be.
    env: {},
    execArgv: workerFile.execArgv,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  let cancel: () => void = () => undefined;
  try {
    return await new Promise((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', (error) => {
        reject(isOutOfMemory(error) ? new SecretSourceError('must not need so much memory to be opened') : error);
      });
      cancel = timer.schedule(() => {
        reject(new SecretSourceError(`must not take more than ${PATIENCE_MS / 1_000} s to be opened`));
      }, PATIENCE_MS);
    });
  } finally {
    cancel();
    await thread.terminate();
  }
}

function isOutOfMemory(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
