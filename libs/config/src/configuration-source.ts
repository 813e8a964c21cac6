import { readFile } from 'node:fs/promises';

import type { CancelTimer, Clock } from '@app/clock';

import type { Configuration } from './configuration.js';
import { digestOf } from './settings-file.js';

/** What is taken over from a changed YAML file without a restart. */
const liveMembers = ['roleBindings', 'mail', 'emergencyStop', 'reasonPattern', 'operatorCeilings'] as const;
/** What is in the YAML file besides. */
const fixedMembers = [
  'backupServers',
  'organizations',
  'issuers',
  'credentialProfiles',
  'mailServer',
  'webhooks',
  'ownerNotice',
  'limits',
  'audit',
] as const;

export type LiveConfiguration = Pick<Configuration, (typeof liveMembers)[number]>;

/** What came of a change of the YAML file. */
export type ConfigurationReload =
  | {
      readonly kind: 'replaced';
      readonly digest: string;
      readonly live: LiveConfiguration;
      /** Members that are other than before, and in force. */
      readonly changed: readonly string[];
      /** Members that are other than at the start, and wait for a restart. */
      readonly waiting: readonly string[];
    }
  /** What is in force stays in force. The error is a `ConfigurationError` that lists the faults. */
  | { readonly kind: 'refused'; readonly error: unknown };

export interface ConfigurationSourceOptions {
  /** Reads all of the configuration anew. @throws ConfigurationError */
  readonly load: () => Promise<Configuration>;
  /** Called for every change that is put in force or refused; for the log and the audit trail. */
  readonly onReload?: (reload: ConfigurationReload) => void;
}

/** The part of the configuration that may change while the gateway runs. A changed file counts as a whole, or not at all. */
export class ConfigurationSource {
  private live: LiveConfiguration;
  private digestInForce: string;
  /** Of what was found broken last, so that it is told once. */
  private lastRefused: string | undefined;

  constructor(
    private readonly atStart: Configuration,
    private readonly options: ConfigurationSourceOptions,
  ) {
    this.live = atStart;
    this.digestInForce = atStart.settingsFile.digest;
  }

  /** SHA-256 in hexadecimal of the file that is in force. */
  get digest(): string {
    return this.digestInForce;
  }

  /** For one decision; ask again for the next one. */
  get current(): LiveConfiguration {
    return this.live;
  }

  /** Reads the file now. What is broken is told once, and changes nothing. */
  async reload(): Promise<void> {
    const seen = await this.look();
    if (seen !== undefined) {
      await this.take(seen);
    }
  }

  /**
   * Looks at the file every `intervalMs` milliseconds and takes a change that is the same at two looks in a row: half a file
   * can be a valid one, without the role bindings of the other half.
   * @returns stops it
   */
  watch(clock: Clock, intervalMs: number): CancelTimer {
    let before: string | undefined;
    let isStopped = false;
    const lookAndTake = async () => {
      const seen = await this.look();
      if (seen !== undefined && seen === before) {
        await this.take(seen);
      }
      before = seen;
    };
    const next = (): CancelTimer =>
      clock.schedule(() => {
        void lookAndTake().finally(() => {
          if (!isStopped) cancel = next();
        });
      }, intervalMs);
    let cancel = next();
    return () => {
      isStopped = true;
      cancel();
    };
  }

  /** Undefined while the file cannot be read, as in the moment when it is replaced. */
  private async look(): Promise<string | undefined> {
    try {
      return digestOf(await readFile(this.atStart.settingsFile.path, 'utf8'));
    } catch {
      return undefined;
    }
  }

  /** What came into the file after it was seen, perhaps the half of something, is for the next look. */
  private async take(seen: string): Promise<void> {
    if (seen === this.digestInForce) {
      this.lastRefused = undefined;
      return;
    }
    if (seen === this.lastRefused) {
      return;
    }
    const before = this.live;
    let loaded: Configuration;
    try {
      loaded = await this.options.load();
    } catch (error) {
      if ((await this.look()) !== seen) return;
      this.lastRefused = seen;
      this.options.onReload?.({ kind: 'refused', error });
      return;
    }
    if (loaded.settingsFile.digest !== seen) return;
    this.live = loaded;
    this.digestInForce = seen;
    this.lastRefused = undefined;
    this.options.onReload?.({
      kind: 'replaced',
      digest: seen,
      live: this.live,
      changed: liveMembers.filter((name) => isOther(before[name], loaded[name])),
      waiting: fixedMembers.filter((name) => isOther(this.atStart[name], loaded[name])),
    });
  }
}

/** Secrets do not show in it: another value of one is no other configuration. */
function isOther(one: unknown, other: unknown): boolean {
  return textOf(one) !== textOf(other);
}

function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, member: unknown) => (member instanceof RegExp ? member.source : member));
}
