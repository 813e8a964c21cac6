const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * How long to wait after so many attempts (from 1) that failed, ms: 5 s, doubled each time, an hour at most. Up to half is taken off at
 * random, so that what failed together spreads out.
 */
export function pauseAfter(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS) * (1 - Math.random() / 2);
}
