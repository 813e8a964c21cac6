import { Failure } from './failures.js';

/** The border of the lib: failures of the transport and refusals leave as the domain errors they carry. */
export async function presentable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failure ? error.error : error;
  }
}
