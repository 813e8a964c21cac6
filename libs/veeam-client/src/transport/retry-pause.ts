/** Doubles with each attempt (from 1); up to half is taken off at random so that parallel callers spread out. */
export function retryPause(attempt: number, baseMs: number): number {
  return baseMs * 2 ** (attempt - 1) * (1 - Math.random() / 2);
}
