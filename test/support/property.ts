import fc from 'fast-check';

import { seed } from './random.js';

const { TEST_FULL, TEST_RUNS } = process.env;

/** How often a property of the whole house is tried: 200 times in CI, 10,000 times in `npm run test:full`, or TEST_RUNS times. */
export const numRuns = Number(TEST_RUNS ?? (TEST_FULL ? 10_000 : 200));

/** For Jest: a run takes requests, and a busy machine takes its time for them. */
export const timeoutMs = 60_000 + numRuns * 1_000;

/** Tries a property, one run after the other, and says by which seed: what failed on another machine can fail again here. */
export async function tryProperty<Ts>(name: string, property: fc.IAsyncProperty<Ts>): Promise<void> {
  const parameters = { numRuns, seed: seed() };
  process.stdout.write(`${name}: ${numRuns} runs of TEST_SEED=${parameters.seed}\n`);
  await fc.assert(property, parameters);
}
