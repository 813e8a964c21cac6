import { randomInt } from 'node:crypto';

import fc from 'fast-check';

const { TEST_FULL, TEST_RUNS, TEST_SEED } = process.env;

/** How often a property of the whole house is tried: 200 times in CI, 10,000 times in `npm run test:full`, or TEST_RUNS times. */
export const numRuns = Number(TEST_RUNS ?? (TEST_FULL ? 10_000 : 200));

/** What all random choices come from; TEST_SEED repeats those of another run. */
const seed = Number(TEST_SEED ?? randomInt(2 ** 31));

/** Tries a property, one run after the other, and says by which seed: what failed on another machine can fail again here. */
export async function tryProperty<Ts>(name: string, property: fc.IAsyncProperty<Ts>): Promise<void> {
  process.stdout.write(`${name}: ${numRuns} runs of TEST_SEED=${seed}\n`);
  await fc.assert(property, { numRuns, seed });
}
