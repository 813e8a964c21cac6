/** Random numbers that a seed repeats (mulberry32). */
export class Random {
  constructor(readonly seed: number) {
    this.state = seed;
  }

  private state: number;

  /** A whole number from 0 up to, but not, `below`. */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error('There is nothing to pick from.');
    return picked;
  }
}

/** `TEST_SEED`, or a new one. */
export function seed(): number {
  const { TEST_SEED } = process.env;
  return TEST_SEED === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(TEST_SEED);
}
