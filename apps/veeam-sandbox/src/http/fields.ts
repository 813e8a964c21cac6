import { badRequest } from '../world/sandbox-error.js';

/** Whether numbers, booleans and texts are taken for each other, as the older JSON readers of .NET do and the newer do not. */
export type Reading = 'lenient' | 'strict';

/** Reads an object as a .NET service does: names and enum values without regard to case, null like absent, extras passed over. */
export class Fields {
  private readonly values = new Map<string, unknown>();

  /** @param what how a refusal calls the object. */
  constructor(
    value: unknown,
    what: string,
    private readonly reading: Reading = 'lenient',
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badRequest(`An object is expected: ${what}`);
    }
    for (const [name, member] of Object.entries(value)) this.values.set(name.toLowerCase(), member);
  }

  /** Present, be it as null. */
  has(name: string): boolean {
    return this.values.has(name.toLowerCase());
  }

  names(): string[] {
    return [...this.values.keys()];
  }

  text(name: string): string | undefined {
    const value = this.get(name);
    if (typeof value === 'string') return value;
    if (this.reading === 'strict' && value !== undefined) return refuse(name);
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    return value === undefined ? undefined : refuse(name);
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw badRequest(`Missing mandatory parameters: ${name}`);
    return value;
  }

  /** Unless reading is strict also as text, which real clients send. */
  flag(name: string): boolean | undefined {
    const value = this.get(name);
    if (typeof value === 'boolean' || value === undefined) return value;
    const text = typeof value === 'string' && this.reading === 'lenient' ? value.toLowerCase() : '';
    return text === 'true' ? true : text === 'false' ? false : refuse(name);
  }

  /** For a member that may be left out and not be null. */
  notNull(name: string): void {
    if (this.values.get(name.toLowerCase()) === null) refuse(name);
  }

  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const isText = typeof value === 'string' && value !== '' && this.reading === 'lenient';
    const number = isText ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) ? number : refuse(name);
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name)?.toLowerCase();
    if (value === undefined) return undefined;
    return choices.find((choice) => choice.toLowerCase() === value) ?? refuse(name);
  }

  object(name: string): Fields | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : new Fields(value, name, this.reading);
  }

  list(name: string): Fields[] {
    const value = this.get(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) return refuse(name);
    return value.map((element: unknown) => new Fields(element, name, this.reading));
  }

  private get(name: string): unknown {
    return this.values.get(name.toLowerCase()) ?? undefined;
  }
}

function refuse(name: string): never {
  throw badRequest(`The value of the parameter is invalid: ${name}`);
}
