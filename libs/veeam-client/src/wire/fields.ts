import { UpstreamBrokenError } from '@app/problems';
import { readTime } from './time.js';

/**
 * Reads one object of an answer, member by member. Names are matched without regard to ASCII case: upstream's own documents
 * disagree on it (`firstBackuptime`, `firstBackupTime`).
 *
 * Every method throws UpstreamBrokenError for a member that is missing or of another kind, `optional` ones only for another kind.
 */
export class Fields {
  private readonly members: ReadonlyMap<string, unknown>;

  /** @param what the thing read, for the message: `a OneDrive` */
  constructor(
    value: unknown,
    private readonly what: string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UpstreamBrokenError(`The backup server sent something else instead of ${what}.`);
    }
    this.members = new Map(Object.entries(value).map(([name, member]) => [lower(name), member]));
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.refuse(name);
  }

  optionalString(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    return typeof value === 'string' ? storable(value) : this.refuse(name);
  }

  /** A string that is not empty: ids and names that other requests are built from. */
  filledString(name: string): string {
    return this.string(name) || this.refuse(name);
  }

  /** A string that is not empty, or none: the vendor's documents let most of a list be without ids and names. */
  optionalFilledString(name: string): string | undefined {
    const value = this.optionalString(name);
    return value === '' ? undefined : value;
  }

  boolean(name: string): boolean {
    const value = this.get(name);
    return typeof value === 'boolean' ? value : this.refuse(name);
  }

  /** A whole number from 0 that a double holds exactly. */
  optionalBoolean(name: string): boolean | undefined {
    return this.get(name) === undefined ? undefined : this.boolean(name);
  }

  count(name: string): number {
    return this.optionalCount(name) ?? this.refuse(name);
  }

  optionalCount(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : this.refuse(name);
  }

  /** ISO 8601 UTC. */
  time(name: string): string {
    return this.optionalTime(name) ?? this.refuse(name);
  }

  optionalTime(name: string): string | undefined {
    const text = this.optionalString(name);
    if (text === undefined || text === '') return undefined;
    const time = readTime(text);
    if (time === 'never') return undefined;
    return time?.toISOString() ?? this.refuse(name);
  }

  optionalList(name: string): readonly unknown[] {
    const value = this.get(name) ?? [];
    return Array.isArray(value) ? (value as unknown[]) : this.refuse(name);
  }

  optionalObject(name: string): Fields | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : new Fields(value, `${name} of ${this.what}`);
  }

  /** `null` is how .NET writes what is not there. */
  private get(name: string): unknown {
    return this.members.get(lower(name)) ?? undefined;
  }

  private refuse(name: string): never {
    throw new UpstreamBrokenError(`The backup server sent ${this.what} without a usable ${name}.`);
  }
}

/** ASCII only: `toLowerCase` would take U+212A for a `k`. */
export function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** JSON can say NUL and half a surrogate pair, PostgreSQL stores neither: what became of an operation is not to be lost for that. */
export function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '\ufffd');
}
