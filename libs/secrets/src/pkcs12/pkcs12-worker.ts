import { parentPort, workerData } from 'node:worker_threads';

import { type CertificateFacts, openCertificate } from './open-certificate.js';
import { Pkcs12Error } from './pkcs12-error.js';

/** What the thread is given. */
export interface Pkcs12WorkerData {
  /** PKCS#12, DER or BER. */
  readonly file: Uint8Array;
  readonly password: string;
}

/** What it answers with. */
export type Pkcs12WorkerAnswer = { readonly facts: CertificateFacts } | { readonly rule: string };

parentPort?.postMessage(answerTo(workerData as Pkcs12WorkerData));

function answerTo({ file, password }: Pkcs12WorkerData): Pkcs12WorkerAnswer {
  try {
    return { facts: openCertificate(Buffer.from(file), password) };
  } catch (error) {
    if (error instanceof Pkcs12Error) return { rule: error.message };
    throw error;
  }
}
