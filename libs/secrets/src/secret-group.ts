import type { SecretSource } from './secret-source.js';
import type { Secret } from './secret.js';

/** Values of the sources of a group that were read together. */
export type SecretValues<Name extends string> = Readonly<Record<Name, Secret>>;

/** Secrets that are read, checked and replaced together, such as a certificate and its password: never one without the other. */
export class SecretGroup<Name extends string> {
  private readonly names: readonly Name[];

  constructor(private readonly sources: Readonly<Record<Name, SecretSource>>) {
    this.names = Object.keys(sources) as Name[];
  }

  get current(): SecretValues<Name> {
    return this.collect(({ current }) => current);
  }

  /** Whether any of it comes from a file. */
  get mayChange(): boolean {
    return this.names.some((name) => this.sources[name].mayChange);
  }

  /** Reads all of it as it is now and leaves `current` alone. @throws SecretSourceError */
  async read(): Promise<SecretValues<Name>> {
    const values = await Promise.all(this.names.map((name) => this.sources[name].read()));
    const byName = new Map(this.names.map((name, index) => [name, values[index]]));
    return this.collect((source, name) => byName.get(name) ?? source.current);
  }

  /** Makes values `current` that `read` gave: all in one go, so that nobody ever sees one without the other. */
  replace(values: SecretValues<Name>): void {
    for (const name of this.names) this.sources[name].replace(values[name]);
  }

  areEqual(one: SecretValues<Name>, other: SecretValues<Name>): boolean {
    return this.names.every((name) => one[name].equals(other[name]));
  }

  private collect(valueOf: (source: SecretSource, name: Name) => Secret): SecretValues<Name> {
    return Object.fromEntries(
      this.names.map((name) => [name, valueOf(this.sources[name], name)]),
    ) as SecretValues<Name>;
  }
}
