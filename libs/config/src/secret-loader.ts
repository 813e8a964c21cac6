import { Secret, SecretSource, SecretSourceError, type SecretForm } from '@app/secrets';
import { resolve } from 'node:path';
import type { RawEnvironment } from './environment.js';
import type { Faults } from './faults.js';
import type { SecretReference } from './validation.js';

/** Opens secrets from files and variables; one that cannot be had is a fault, and undefined, unless they are only looked up and not read. */
export class SecretLoader {
  constructor(
    private readonly raw: RawEnvironment,
    private readonly faults: Faults,
    private readonly isReading = true,
  ) {}

  /** Exactly one of `NAME` and `NAME_FILE`. */
  async fromEnvironment(name: string): Promise<SecretSource | undefined> {
    const value = this.raw[name];
    const path = this.raw[`${name}_FILE`];
    if ((value === undefined) === (path === undefined)) {
      this.faults.add(name, `exactly one of ${name} and ${name}_FILE must be given`);
      return undefined;
    }
    return path === undefined
      ? this.#load(name, SecretSource.value(name, new Secret(value ?? '')))
      : this.#load(`${name}_FILE`, SecretSource.file(resolve(path)));
  }

  /** @param folder that relative paths start from */
  async fromReference(
    key: string,
    reference: SecretReference,
    folder: string,
    form: SecretForm = 'text',
  ): Promise<SecretSource | undefined> {
    if ('file' in reference) return this.#load(`${key}.file`, SecretSource.file(resolve(folder, reference.file), form));
    const value = this.raw[reference.env];
    if (value === undefined) {
      this.faults.add(`${key}.env`, 'must name a variable that is set');
      return undefined;
    }
    return this.#load(`${key}.env`, SecretSource.value(reference.env, new Secret(value), form));
  }

  /** In place of a secret where there is none. */
  nothing(key: string): Promise<SecretSource | undefined> {
    return this.#load(key, SecretSource.nothing(key));
  }

  async #load(key: string, source: SecretSource): Promise<SecretSource | undefined> {
    if (!this.isReading) return source;
    try {
      await source.load();
      return source;
    } catch (error) {
      if (!(error instanceof SecretSourceError)) throw error;
      this.faults.add(key, error.message);
      return undefined;
    }
  }
}
