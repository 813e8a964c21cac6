const TABLE_SIZE = 1 << 14;

/**
 * Finds any of many literal texts in one pass, skipping most of the characters (Wu and Manber, 1994). A regular expression
 * with hundreds of alternatives tries each of them at every position, which is too slow to stand before every log line.
 */
export class MultiPattern {
  /** How many leading characters of every literal take part in the search: the length of the shortest. */
  readonly #window: number;
  /** How far the window may move on when it ends in a pair of characters with this hash. */
  readonly #shifts: Uint16Array;
  /** The literals whose window ends in a pair with this hash. */
  readonly #candidates = new Map<number, string[]>();

  /** @param literals each at least 2 characters */
  constructor(literals: readonly string[]) {
    this.#window = literals.reduce((least, { length }) => Math.min(least, length), literals.length > 0 ? 0xffff : 0);
    this.#shifts = new Uint16Array(TABLE_SIZE).fill(Math.max(this.#window - 1, 1));
    for (const literal of new Set(literals)) this.#add(literal);
  }

  /** Replaces what the literals cover; where they overlap or touch, all of it by one `replacement`. */
  replaceAll(text: string, replacement: string): string {
    if (this.#window === 0) return text;
    const pieces: string[] = [];
    let coveredTo = 0;
    let isCovered = false;
    for (const [start, end] of this.#matches(text)) {
      if (!isCovered || start > coveredTo) pieces.push(text.slice(coveredTo, start), replacement);
      coveredTo = Math.max(coveredTo, end);
      isCovered = true;
    }
    return isCovered ? pieces.join('') + text.slice(coveredTo) : text;
  }

  #add(literal: string): void {
    const last = this.#window - 2;
    for (let index = 0; index <= last; index++) {
      const hash = pairHash(literal, index);
      this.#shifts[hash] = Math.min(this.#shifts[hash] ?? 0, last - index);
    }
    const hash = pairHash(literal, last);
    this.#candidates.set(hash, [...(this.#candidates.get(hash) ?? []), literal]);
  }

  /** Matches as [start, end), by increasing start. */
  #matches(text: string): [number, number][] {
    const matches: [number, number][] = [];
    const last = this.#window - 2;
    for (let index = last; index < text.length - 1;) {
      const hash = pairHash(text, index);
      const shift = this.#shifts[hash] ?? 1;
      if (shift > 0) {
        index += shift;
        continue;
      }
      const start = index - last;
      for (const literal of this.#candidates.get(hash) ?? []) {
        if (text.startsWith(literal, start)) matches.push([start, start + literal.length]);
      }
      index++;
    }
    return matches;
  }
}

function pairHash(text: string, index: number): number {
  return ((text.charCodeAt(index) << 7) ^ text.charCodeAt(index + 1)) & (TABLE_SIZE - 1);
}
