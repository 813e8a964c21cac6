/** One thing that is wrong with the configuration. */
export interface ConfigurationFault {
  /** The variable, such as `VEEAM_URL`, or the path in the YAML, such as `organizations[0].name`. */
  readonly key: string;
  /** What is asked of it, such as "must be an https URL"; never what was given. */
  readonly rule: string;
}

/** The configuration cannot be used. The message lists every fault by key, never by value: any value may be a secret. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly faults: readonly ConfigurationFault[]) {
    super(['The configuration cannot be used:', ...faults.map(({ key, rule }) => `${key}: ${rule}`)].join('\n  '));
  }
}

/** Collects faults, so that whoever operates the gateway sees all of them in one start. */
export class Faults {
  readonly #faults: ConfigurationFault[] = [];

  add(key: string, rule: string): void {
    this.#faults.push({ key, rule });
  }

  addAll(others: Faults): void {
    this.#faults.push(...others.#faults);
  }

  get hasAny(): boolean {
    return this.#faults.length > 0;
  }

  toError(): ConfigurationError {
    return new ConfigurationError([...this.#faults]);
  }
}
